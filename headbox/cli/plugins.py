"""Installed plugins that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headbox.cli.failures import UsageFailure
from headbox.kinds import PluginInvalid


@contextmanager
def checked_plugins() -> Iterator[None]:
    """Let a block end as a failure when a plugin declares what cannot be.

    Raises:
        UsageFailure: One does.
    """
    try:
        yield
    except PluginInvalid as error:
        raise UsageFailure(str(error), hint="Mend the plugin, or uninstall it.") from error
