"""`headbox completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

#: The variable in which a shell says what it wants to have completed.
VARIABLE = "_HEADBOX_COMPLETE"

_WAYS = {
    "bash": 'eval "$(headbox completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(headbox completion zsh)" in ~/.zshrc, after compinit',
    "fish": "headbox completion fish > ~/.config/fish/completions/headbox.fish",
}


def _completion(shell: str) -> None:
    """Print what makes a shell complete commands, options, and the names of what is on the server.

    Names are asked for with --server, --profile and the environment as they are at that moment; nothing is completed
    where the server does not answer at once.
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows the shells that can be chosen"
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "headbox", VARIABLE).source())


command = click.Command(
    "completion",
    callback=_completion,
    help=_completion.__doc__,
    params=[click.Argument(["shell"], type=click.Choice(list(_WAYS)))],
    epilog="Where to put it: " + "; ".join(_WAYS.values()) + ".",
)
