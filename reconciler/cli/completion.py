"""Shell completion: the script that a shell loads, and what the first word may be.

The shell asks the program itself, so that commands and options are never out of date; where it has
no answer, the shell completes file names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete

from reconciler.cli import exit_codes

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

PROGRAM = "reconcile"
VARIABLE = "_RECONCILE_COMPLETE"
"""What the scripts set to ask; click derives the same name from the program's."""

_DEFAULT = "reconcile"
_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(_SHELLS)))
def completion(shell: str) -> int:
    """Print the script that completes commands and options.

    \b
    bash: `reconcile completion bash > ~/.local/share/bash-completion/completions/reconcile`
    zsh: `reconcile completion zsh > "${fpath[1]}/_reconcile"`
    fish: `reconcile completion fish > ~/.config/fish/completions/reconcile.fish`
    """
    click.echo(script(shell))
    return exit_codes.OK


def script(shell: str) -> str:
    """Make the script of a shell: bash, zsh or fish."""
    made = _SHELLS[shell](click.Group(), {}, PROGRAM, VARIABLE)
    text = made.source_template % made.source_vars()
    # Without an answer of ours, file names: click's own script completes nothing then.
    return text.replace("complete -o nosort", "complete -o default -o bashdefault -o nosort")


def first_word(group: click.Group, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Complete the first word: a command, or an option of the group or of the default command."""
    from reconciler.cli.main import COMMANDS

    if incomplete.startswith("-"):
        found = click.Command.shell_complete(group, context, incomplete)
        default = group.get_command(context, _DEFAULT)
        if default is not None:
            known = {item.value for item in found}
            below = click.Context(default, parent=context, resilient_parsing=True)
            more = default.shell_complete(below, incomplete)
            found += [item for item in more if item.value not in known]
        return found
    found = [
        CompletionItem(name, help=text)
        for name, (_, _, text) in COMMANDS.items()
        if name.startswith(incomplete)
    ]
    return found or [CompletionItem(incomplete, type="file")]
