"""`sm completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  sm completion bash > ~/.local/share/bash-completion/completions/sm
    zsh:   sm completion zsh > "${fpath[1]}/_sm"
    fish:  sm completion fish > ~/.config/fish/completions/sm.fish
    """
    from standardized_modules.cli.app import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "sm", "_SM_COMPLETE").source())
