"""Run a command with what the service needs beside it, and end all of it together.

    python -m local run -- python -m ledgers    # `make run`
    python -m local run                      # the engines alone, for a debugger

An engine starts for each address that the environment leaves empty. `.local/env` has the settings
as long as they run, for another terminal: set -a; . ./.local/env; set +a
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import FrameType

from .database import open_database
from .processes import EngineError, Process
from .valkey import open_cache

FOLDER = Path(".local")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The setting that names another server, and what starts one here when it does not.
ENGINES: dict[str, Callable[[Path], AbstractContextManager[dict[str, str]]]] = {
    "APP_DATABASE_HOST": open_database,
    "APP_CACHE_HOST": open_cache,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m local", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    run = parser.add_subparsers(required=True).add_parser("run", help="run a command")
    run.add_argument("command", nargs="*", help="nothing starts the engines alone")
    command = parser.parse_args(arguments).command
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            settings = _start_engines(stack)
            return _run(command, {**os.environ, **settings}) if command else _wait()
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _start_engines(stack: ExitStack) -> dict[str, str]:
    # Others may pass, not look: for root, PostgreSQL runs as somebody else.
    FOLDER.mkdir(mode=0o711, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    settings: dict[str, str] = {}
    for variable, open_engine in ENGINES.items():
        if not os.environ.get(variable):
            settings |= stack.enter_context(open_engine(FOLDER.resolve()))
    stack.callback(_write(settings).unlink)
    return settings


def _write(settings: Mapping[str, str]) -> Path:
    path = FOLDER / "env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={shlex.quote(text)}\n" for name, text in settings.items()))
    return path


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    process = Process(command, environment=environment)

    def forward(number: int, _frame: FrameType | None) -> None:
        process.send(signal.Signals(number))

    try:
        for number in SIGNALS:
            signal.signal(number, forward)
        code = process.wait()
    finally:
        process.kill()
    return code if code >= 0 else 128 - code


def _wait() -> int:
    print("The engines run; Ctrl-C ends them.", file=sys.stderr)
    signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
