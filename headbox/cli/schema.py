"""`headbox schema`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.failures import UsageFailure
from headbox.kinds import Registry
from headbox.schema import print_schema


def _schema(plugins: tuple[str, ...], target: Path | None) -> None:
    """Print the GraphQL schema, as it is with the installed plugins or with those that are named."""
    registry = Registry.installed()
    if plugins:
        chosen = [plugin for plugin in registry.plugins if plugin.name in plugins]
        if unknown := set(plugins) - {plugin.name for plugin in chosen}:
            installed = ", ".join(plugin.name for plugin in registry.plugins) or "none"
            raise UsageFailure(f"There is no plugin {', '.join(sorted(unknown))}.", hint=f"Installed: {installed}.")
        registry = Registry(chosen)
    text = print_schema(registry).rstrip("\n") + "\n"
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write_text(text)


command = click.Command(
    "schema",
    callback=_schema,
    help=_schema.__doc__,
    params=[
        click.Option(
            ["plugins", "--plugin"],
            multiple=True,
            metavar="NAME",
            help="A plugin to include; may be repeated. All when left out.",
        ),
        click.Option(
            ["target", "--file", "-o"],
            type=click.Path(dir_okay=False, writable=True, path_type=Path),
            help="File to write to instead of stdout.",
        ),
    ],
)
