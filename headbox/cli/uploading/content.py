"""The mutations that make content of bytes and add it to a repository: those of the repository's plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import GraphQLInputObjectType, GraphQLSchema, get_named_type

from headbox.cli.failures import Failure


@dataclass(frozen=True, slots=True)
class ContentMutations:
    """What a plugin has for content of a client's bytes.

    Attributes:
        create: The mutation that makes content units of bytes, many at a time.
        add: The mutation that creates the task which adds units to a repository.
    """

    create: str
    add: str

    @property
    def create_document(self) -> str:
        """Makes content of `$input`."""
        errors = "errors { code message path hint retryable }"
        return (
            f"mutation Create($input: {_input_name(self.create)}!) {{ created: {self.create}(input: $input) "
            f"{{ results {{ content {{ id }} {errors} }} {errors} }} }}"
        )

    @property
    def add_document(self) -> str:
        """Adds content, as `$input` says."""
        return (
            f"mutation Add($input: {_input_name(self.add)}!) {{ added: {self.add}(input: $input) "
            "{ task { id kind state } errors { code message path hint retryable } } }"
        )


def content_mutations(schema: GraphQLSchema, kinds: Mapping[str, str], repository_type: str) -> ContentMutations:
    """Return the mutations for the content of a repository.

    Args:
        schema: The schema of the installed plugins.
        kinds: The kinds that plugins declare, such as "file.content", by the names of their types.
        repository_type: Name of the repository's type.

    Raises:
        Failure: Its plugin is not installed here, or takes no uploads.
    """
    plugin = kinds.get(repository_type, "").partition(".")[0]
    if not plugin:
        raise Failure(
            f"The plugin of a {repository_type} is not installed here.", hint="Install the plugins that the server has."
        )
    own = [name for name, kind in kinds.items() if kind.startswith(f"{plugin}.")]
    creates = list(_named(schema, (f"create{name}s" for name in own), {"items"}))
    adds = list(_named(schema, (f"create{name}" for name in own), {"add", "repository"}))
    if len(creates) != 1 or len(adds) != 1:
        raise Failure(f"Repositories of the plugin {plugin} take no uploads of this command.")
    return ContentMutations(creates[0], adds[0])


def _named(schema: GraphQLSchema, names: Iterator[str], fields: set[str]) -> Iterator[str]:
    """Yield those mutations of these names that exist and whose input has these fields."""
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for name in names:
        given = mutations[name].args.get("input") if name in mutations else None
        named = get_named_type(given.type) if given else None
        if isinstance(named, GraphQLInputObjectType) and fields <= named.fields.keys():
            yield name


def _input_name(mutation: str) -> str:
    return f"{mutation[0].upper()}{mutation[1:]}Input"
