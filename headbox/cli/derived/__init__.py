"""Commands that nobody wrote: `headbox <plugin> <noun> <verb>`, derived from the GraphQL schema.

A mutation is named verb first: `createFileSync` is `headbox file sync create`, `cancelTask` is `headbox task cancel`.
What one would come to, such as `planFileSync`, is `headbox file sync plan`.
A list such as `fileSyncs` is `headbox file sync list`, a look-up such as `repository(name:)` `headbox repository show`.
"""

from headbox.cli.derived.groups import group

__all__ = ["group"]
