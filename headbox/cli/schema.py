"""`headbox schema`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.failures import UsageFailure
from headbox.cli.plugins import checked_plugins
from headbox.kinds import Registry
from headbox.schema import print_schema


def _schema(plugins: tuple[str, ...], target: Path | None) -> None:
    """Print the GraphQL schema, as it is with the installed plugins or with those that are named."""
    with checked_plugins():
        text = print_schema(_chosen(plugins))
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write_text(text)


def _chosen(names: tuple[str, ...]) -> Registry:
    """Return the registry of the plugins of these names, or of all when there are none.

    Raises:
        UsageFailure: One is not installed.
    """
    registry = Registry.installed()
    if not names:
        return registry
    by_name = {plugin.name: plugin for plugin in registry.plugins}
    if unknown := set(names) - by_name.keys():
        hint = f"Installed: {', '.join(by_name) or 'none'}."
        raise UsageFailure(f"There is no plugin {', '.join(sorted(unknown))}.", hint=hint)
    return Registry(by_name[name] for name in set(names))


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
