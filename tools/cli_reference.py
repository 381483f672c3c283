"""The commands of headbox as a page of the reference: from the commands themselves, as their `--help` shows them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from headbox.cli.main import main

#: Options of all commands that talk to a server: the page says so once.
EVERYWHERE = frozenset({"server", "profile", "output_format"})
#: The plugin of this repository: others that are installed here have pages of their own.
OWN_PLUGIN = "file"


def commands() -> str:
    """Return a section for each command: what it does, its arguments and its options."""
    root = click.Context(main, info_name="headbox", max_content_width=100)
    sections = main.sections()
    parts = []
    for title, members in sections.items():
        parts.append(f"## {title}\n")
        for name in members:
            if title != "Plugins" or name == OWN_PLUGIN:
                command = main.get_command(root, name)
                assert command is not None, "a command that is listed is there"
                parts += _described(command, click.Context(command, parent=root, info_name=name))
    return "\n".join(parts)


def _described(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Yield the section of a command, and those of the commands in it."""
    own = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    # What groups have for themselves is `--help`.
    if not isinstance(command, click.Group) or own:
        yield f"### {ctx.command_path}\n"
        yield f"`{' '.join([ctx.command_path, *command.collect_usage_pieces(ctx)])}`\n"
        for text in (command.help, command.epilog):
            if text:
                yield f"{_escaped(inspect.cleandoc(text))}\n"
        shown = [option for option in own if option.name not in EVERYWHERE]
        if records := [record for option in shown if (record := option.get_help_record(ctx))]:
            yield _table(records)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None, "a command that is listed is there"
            yield from _described(inner, click.Context(inner, parent=ctx, info_name=name))


def _table(records: list[tuple[str, str]]) -> str:
    rows = [("Option", "Meaning"), ("---", "---"), *((f"`{option}`", _escaped(text)) for option, text in records)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def _escaped(text: str) -> str:
    """Return a text in which nothing is taken for HTML."""
    return text.replace("<", "&lt;")
