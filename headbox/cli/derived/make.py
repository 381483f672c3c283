"""Makes the API that commands are derived from. Importing this imports all of headbox."""

from __future__ import annotations

from headbox.cli.derived.installed import Api
from headbox.cli.plugins import checked_plugins
from headbox.kinds import Document, Registry
from headbox.schema import print_schema


def make_api() -> Api:
    """Return the API of the installed plugins.

    Raises:
        UsageFailure: A plugin declares what cannot be.
    """
    with checked_plugins():
        registry = Registry.installed()
        return Api(print_schema(registry), {declared.__name__: declared.kind for declared in registry.all(Document)})
