"""The groups that the derived commands are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from graphql import GraphQLSchema

from headbox.cli.derived.commands import DerivedCommand
from headbox.cli.derived.following import FollowingCommand, stream_of
from headbox.cli.derived.installed import installed_api
from headbox.cli.derived.operations import Operation, Shape, operations
from headbox.cli.derived.plan import PlanCommand, applied_by
from headbox.cli.derived.references import Lookup, lookups
from headbox.cli.task import watch_command
from headbox.cli.task_log import log_command

#: Commands beside the derived ones, by their words.
_WRITTEN = {("task", "watch"): watch_command, ("task", "log"): log_command}


def group(noun: str, help_text: str) -> click.Group:
    """Return the commands of a plugin or of a noun of the core.

    Args:
        noun: The first word of the commands, such as "file" or "task".
        help_text: What they are for.
    """
    root = click.Group(noun, help=help_text)
    schema, kinds = installed_api()
    known = lookups(schema)
    of_noun = [operation for operation in operations(schema, kinds) if operation.path[0] == noun]
    for operation in of_noun:
        _parent(root, operation).add_command(_command(schema, operation, of_noun, known))
    for path, command in _WRITTEN.items():
        if path[0] == noun:
            root.add_command(command)
    return root


def nouns() -> set[str]:
    """Return the first words of all derived commands."""
    return {operation.path[0] for operation in operations(*installed_api())}


def _command(
    schema: GraphQLSchema, operation: Operation, others: Sequence[Operation], known: Mapping[str, Lookup]
) -> DerivedCommand:
    if stream := stream_of(schema, operation):
        return FollowingCommand(operation, known, stream)
    if operation.shape is Shape.PLAN and (applied := applied_by(operation, others)):
        return PlanCommand(operation, known, applied)
    return DerivedCommand(operation, known)


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
