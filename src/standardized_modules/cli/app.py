"""The group of commands, loaded on demand, and the one place that turns errors into exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from standardized_modules import __version__
from standardized_modules.cli.listing import pattern_listing
from standardized_modules.errors import SmError, place

OK, FAILED, USAGE, BUG, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "create-microservice": "Write a complete service from one or more patterns.",
    "verify": "Prove a service: every check that sm knows, with a ledger of suppressions.",
    "dev": "Run a service on this machine with what it needs, and reload it when its code changes.",
    "patterns": "List the patterns.",
    "explain": "Explain a pattern, a capability, a parameter or a check.",
    "completion": "Print the completion script for bash, zsh or fish.",
}

HELP = f"""Infrastructure patterns as a compiler.

{pattern_listing()}

\b
Examples:
  sm create-microservice orders --pattern web_api --cloud aws
  sm create-microservice orders --pattern web_api --cloud aws \\
      --set ingress.domain=shop.example --set prod.scaling.max_replicas=40
  sm explain web_api --cloud aws
  sm verify orders
  sm dev orders
"""


class LazyGroup(click.Group):
    """Imports a command's module when it runs; `sm --help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = cmd_name.replace("_", "-")
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"standardized_modules.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            if close:
                said = f"{problem.message} Did you mean '{close[0]}'?"
                raise click.UsageError(said, ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sm")
def cli() -> None:
    """See HELP."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 ok, 1 refused, 2 usage, 3 our bug, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Unless a shell that runs us in the background wants Ctrl-C ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # When the reader of a pipe (head, less) goes, end quietly by the signal, as Unix tools do.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        result = cli.main(args=args, prog_name="sm", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else OK
    except SmError as problem:
        for reason in problem.reasons:
            click.echo(click.style("error: ", fg="red", bold=True) + place(reason) + reason.message, err=True)
            click.echo(click.style("hint: ", fg="cyan") + reason.hint, err=True)
        return _report_bug(problem) if problem.exit_code == BUG else problem.exit_code
    except click.ClickException as problem:
        problem.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return _say_interrupted()
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            return _report_bug(problem)
        _discard_output()
        click.echo(f"error: the output can't be written: {problem.strerror}", err=True)
        click.echo("hint: write it to a place that has room", err=True)
        return FAILED
    except Exception as problem:  # the one catch-all: a bug of ours, with a log file
        return _say_interrupted() if _interrupts else _report_bug(problem)


def _say_interrupted() -> int:
    click.echo("interrupted; nothing was left half-written", err=True)
    return INTERRUPTED


def _discard_output() -> None:
    """Keep Python from writing what is left to a reader that has gone or a disk that is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_bug(problem: BaseException) -> int:
    import tempfile
    import traceback

    trace = "".join(traceback.format_exception(problem))
    text = f"sm {__version__}, Python {sys.version}\n{sys.argv!r}\n\n{trace}"
    click.echo(f"error: this is a bug of sm: {problem}", err=True)
    try:
        with tempfile.NamedTemporaryFile("w", prefix="sm-", suffix=".log", delete=False, encoding="utf-8") as log:
            log.write(text)
        click.echo(f"hint: please report it with the log {log.name}", err=True)
    except OSError:
        click.echo(f"hint: please report it with this log\n{text}", err=True)
    return BUG


_interrupts: list[int] = []
"""Signals that came. Python turns an interrupt in the middle of some of its own work, such as
making a class, into another exception; only this tells it from a bug."""


def _interrupt(number: int, _frame: FrameType | None) -> Any:
    _interrupts.append(number)
    raise KeyboardInterrupt
