"""Makes the API that commands are derived from. Importing this imports all of headbox."""

from __future__ import annotations

from graphql import introspection_from_schema

from headbox.cli.derived.installed import Api
from headbox.cli.plugins import checked_plugins
from headbox.kinds import CORE_TASKS, Document, Registry
from headbox.schema import build_schema


def make_api() -> Api:
    """Return the API of the installed plugins.

    Raises:
        UsageFailure: A plugin declares what cannot be.
    """
    with checked_plugins():
        registry = Registry.installed()
        kinds = {kind.__name__: kind.kind for kind in registry.all(Document) if kind not in CORE_TASKS}
        return Api(introspection_from_schema(build_schema(registry, is_sorted=True).graphql), kinds)
