"""The groups that the derived commands are in."""

from __future__ import annotations

from functools import cache

import click
from graphql import GraphQLSchema, build_schema

from headbox.cli.derived.commands import DerivedCommand
from headbox.cli.derived.operations import Operation, operations
from headbox.cli.derived.references import lookups
from headbox.cli.plugins import checked_plugins
from headbox.cli.task import watch_command
from headbox.kinds import Document, Registry
from headbox.schema.build import print_schema

#: Commands beside the derived ones, by their words.
_WRITTEN = {("task", "watch"): watch_command}


def group(noun: str, help_text: str) -> click.Group:
    """Return the commands of a plugin or of a noun of the core.

    Args:
        noun: The first word of the commands, such as "file" or "task".
        help_text: What they are for.
    """
    root = click.Group(noun, help=help_text)
    schema, kinds = _installed()
    known = lookups(schema)
    for operation in operations(schema, kinds):
        if operation.path[0] == noun:
            _parent(root, operation).add_command(DerivedCommand(operation, known))
    for path, command in _WRITTEN.items():
        if path[0] == noun:
            root.add_command(command)
    return root


def nouns() -> set[str]:
    """Return the first words of all derived commands."""
    return {operation.path[0] for operation in operations(*_installed())}


def _parent(root: click.Group, operation: Operation) -> click.Group:
    """Return the group of an operation's noun: below its plugin, or the root itself."""
    parent = root
    for word in operation.path[1:-1]:
        inner = parent.commands.get(word)
        if not isinstance(inner, click.Group):
            inner = click.Group(word, help=operation.noun.description if operation.noun else None)
            parent.add_command(inner)
        parent = inner
    return parent


@cache
def _installed() -> tuple[GraphQLSchema, dict[str, str]]:
    """Return the schema of the installed plugins, and their kinds by the names of their types."""
    with checked_plugins():
        registry = Registry.installed()
        text = print_schema(registry)
    kinds = {declared.__name__: declared.kind for declared in registry.all(Document)}
    return build_schema(text, assume_valid=True), kinds
