"""Entry point: finds the command, runs it, and turns errors into messages and exit codes.

Commands are loaded when they are called, so that `--help` stays fast and loads no grpc.
"""

from __future__ import annotations

import errno
import gc
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, process
from reconciler.cli.output import say
from reconciler.errors import DefectError, ReconcilerError, SpecError
from reconciler.model.seen import seen

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "plan": ("reconciler.cli.reconcile", "plan_command", "Show what would change, and save it."),
    "apply": ("reconciler.cli.reconcile", "apply_command", "Carry out a saved plan."),
    "snapshot": ("reconciler.cli.snapshot", "snapshot", "Keep what plans without a backend need."),
    "comment": ("reconciler.cli.comment", "comment", "Keep a report as a pull request's comment."),
    "validate": ("reconciler.cli.validate", "validate", "Check documents without a backend."),
    "export": ("reconciler.cli.export", "export", "Write what is live as specs."),
    "adopt": ("reconciler.cli.adopt", "adopt", "Own what is live as declared; writes the ledger."),
    "convert": ("reconciler.cli.convert", "convert", "Write launch plans as Flyte 2 triggers."),
    "pin": ("reconciler.cli.pin", "pin", "Write what `latest` resolved to into the files."),
    "pause": ("reconciler.cli.holds", "pause", "Stop plans until a moment, whoever syncs."),
    "resume": ("reconciler.cli.holds", "resume", "End pauses and contests."),
    "status": ("reconciler.cli.status", "status", "Show declared beside live, and what else runs."),
    "audit": ("reconciler.cli.audit", "audit", "Show what was written, when and by whom."),
    "get": ("reconciler.cli.get", "get", "List what is registered."),
    "describe": ("reconciler.cli.describe", "describe", "Show one thing that is registered."),
    "watch": ("reconciler.cli.watch", "watch", "Follow a run while it goes."),
    "wait": ("reconciler.cli.wait", "wait", "Wait until runs have started, or ended."),
    "logs": ("reconciler.cli.logs", "logs", "Print the log of a run, or where it is."),
    "backfill": ("reconciler.cli.backfill", "backfill", "Run the ticks of a schedule that lack."),
    "terminate": ("reconciler.cli.terminate", "terminate", "End runs, with a cause."),
    "download": ("reconciler.cli.download", "download", "Bring the data of a run onto this disk."),
    "metrics": ("reconciler.cli.metrics", "metrics", "Show where the time of a run went."),
    "run": ("reconciler.cli.run", "run", "Start a launch plan, workflow, task or trigger."),
    "relaunch": ("reconciler.cli.relaunch", "relaunch", "Start the same run once more."),
    "rerun": ("reconciler.cli.relaunch", "relaunch", "As `relaunch`."),
    "recover": ("reconciler.cli.relaunch", "recover", "Run again what did not succeed; Flyte 1."),
    "signal": ("reconciler.cli.signal", "signal", "List and answer the gates of runs."),
    "whoami": ("reconciler.cli.whoami", "whoami", "Show where a connection leads, and as whom."),
    "next": ("reconciler.cli.next", "next_command", "Preview when plans fire."),
    "explain": ("reconciler.cli.explain", "explain", "Explain a field, or why an object is so."),
    "schema": ("reconciler.cli.schema", "schema", "Print the language as JSON Schema."),
    "doctor": ("reconciler.cli.doctor", "doctor", "Check connection, server and checkout."),
    "completion": ("reconciler.cli.completion", "completion", "Print a shell's completion script."),
    "forget": ("reconciler.cli.holds", "forget", "Give objects, or the claim, up."),
    "record": ("reconciler.cli.record", "record", "Keep what a Flyte client registers."),
    "operator": ("reconciler.cli.operator", "operator", "Keep a cluster's custom resources so."),
    "serve": ("reconciler.cli.serve", "serve", "Keep Flyte like Git repositories."),
    "dev": ("reconciler.cli.dev", "dev", "Run the embedded Flyte."),
}
"""Name of each command: its module, the click command in it, and one line of help."""

DEFAULT = "reconcile"
_DEFAULT_COMMAND = ("reconciler.cli.reconcile", "reconcile_command", "")


class Commands(click.Group):
    """A group whose commands are imported on use; anything else is a path to reconcile."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """List the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        entry = _DEFAULT_COMMAND if name == DEFAULT else COMMANDS.get(name)
        if entry is None:
            return None
        found = getattr(importlib.import_module(entry[0]), entry[1])
        assert isinstance(found, click.Command)
        return found

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the default command, which needs no word, before the commands."""
        default = self.get_command(context, DEFAULT)
        assert default is not None
        params = (*default.get_params(context), *self.get_params(context))
        options = [item for item in params if isinstance(item, click.Option)]
        records = {item.name: item.get_help_record(context) for item in options}
        with formatter.section("Options"):
            formatter.write_dl([record for record in records.values() if record])
        self.format_commands(context, formatter)

    def format_usage(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both forms."""
        formatter.write_usage("reconcile", "[OPTIONS] [PATH...]")
        formatter.write_usage("reconcile", "COMMAND ...", prefix="       ")

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands, and the options of the default one, for the first word."""
        from reconciler.cli.completion import first_word

        return first_word(self, ctx, incomplete)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front unless the first word is a command."""
        own = {"--help", "-h", "--version"}
        if not args and context.resilient_parsing:
            return super().parse_args(context, args)  # a shell asks what the first word may be
        if not args or (args[0] not in COMMANDS and args[0] not in own):
            if args and not context.resilient_parsing:
                _refuse_slip(args[0], context)
            args = [DEFAULT, *args]
        return super().parse_args(context, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done or in sync, 1 error, 2 changes pending (with --detailed-exitcode), "
    "3 refused by a guard or stale, 4 backend unreachable or denied.",
)
@click.version_option(package_name="flyte-reconciler", prog_name="reconcile")
def cli() -> None:
    """Make a Flyte installation look like what is declared in Git.

    `reconcile [PATH...]` makes it so, `reconcile --dry-run [PATH...]` shows what would happen;
    without a path ./reconcile.yaml is read. `reconcile COMMAND --help` explains each command.
    """


def run(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback for anything a user can cause."""
    # Thousands of documents are made and kept, which the collector would look through again and
    # again; little of what is dropped needs it.
    gc.set_threshold(20_000, 20, 20)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its core writes to stderr on its own
    logging.getLogger("grpc").addHandler(logging.NullHandler())  # as does its Python, tracebacks
    process.open_streams()
    process.handle_signals()
    code = main(list(sys.argv[1:] if argv is None else argv))
    sys.exit(exit_codes.TERMINATED if process.is_terminated() else code)


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        result: Any = cli.main(args=argv, prog_name="reconcile", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        say(f"error: {_wording(error)}")
        return exit_codes.ERROR
    except ReconcilerError as error:
        _explain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted; nothing further was started")
        return exit_codes.INTERRUPTED
    except SystemExit:  # of click, when nobody reads stdout any more
        process.leave_stdout()
        return exit_codes.ERROR
    except OSError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a line that can be reported
        return _give_up(error)
    return result if isinstance(result, int) else exit_codes.OK


def _refuse_slip(word: str, context: click.Context) -> None:
    """Refuse a first word that is neither a command nor a path, and looks like a command."""
    if not word.replace("-", "").isalpha() or word.startswith("-") or Path(word).exists():
        return
    from difflib import get_close_matches

    close = get_close_matches(word, COMMANDS, n=1)
    if close:
        message = f"{word}: is neither a command nor a path; did you mean `{close[0]}`?"
        raise click.UsageError(message, context)


def _wording(error: click.ClickException) -> str:
    """Write an error of the command line as one line, with the command that explains."""
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return text
    path = error.ctx.command_path.removesuffix(f" {DEFAULT}")
    return f"{text}; see `{path} --help`"


def _explain(error: ReconcilerError) -> None:
    if isinstance(error, SpecError):
        for problem in error.problems:
            say(str(problem))
        count = len(error.problems)
        say(f"{count} problem{'s' if count != 1 else ''}; nothing was written")
    else:
        say(f"error: {seen(str(error))}")


def _give_up(error: Exception) -> int:
    """Say what nobody caught: errors of calls made side by side, and faults of ours."""
    found: BaseException = error
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    ours = found if isinstance(found, ReconcilerError) else DefectError(found)
    _explain(ours)
    return ours.exit_code


def _fail(error: OSError) -> int:
    what = error.strerror or str(error)
    if error.filename:
        say(f"error: {os.fsdecode(error.filename)}: {what}; correct the path or its permissions")
    elif error.errno == errno.ENOENT and not _has_directory():
        say("error: working directory: it was removed; change to another one")
    elif error.errno in {errno.ENOSPC, errno.EIO}:
        process.leave_stdout()
        say(f"error: standard output: {what}; write to a file with --out, or free space")
    else:
        say(f"error: system: {what}")
    return exit_codes.ERROR


def _has_directory() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False
