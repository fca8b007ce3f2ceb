"""Run a command with what the service needs beside it, and end all of it together.

    python -m local run -- python -m accounts    # `make run`
    python -m local run                      # the engines alone, for a debugger
    python -m local reset                    # `make reset`: the next run begins with no data

An engine starts for each address that the environment leaves empty. `.local/env` has the settings
as long as they run, for another terminal: set -a; . ./.local/env; set +a
"""

import argparse
import fcntl
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from .database import open_database
from .postgresql import Postgresql
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
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run a command")
    run.add_argument("command", nargs="*", help="nothing starts the engines alone")
    run.set_defaults(do=_run)
    commands.add_parser("reset", help="remove the data").set_defaults(do=_reset, command=[])
    given = parser.parse_args(arguments)
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        with _only_one():
            code: int = given.do(given.command)
            return code
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


@contextmanager
def _only_one() -> Iterator[None]:
    """Nobody else works with the data as long as the context lasts."""
    # Others may pass, not look: for root, PostgreSQL runs as somebody else.
    FOLDER.mkdir(mode=0o711, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    with (FOLDER / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            message = "another run uses the data here: end it first, with Ctrl-C or: kill "
            raise EngineError(message + lock.read().strip()) from None
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        yield


def _run(command: Sequence[str]) -> int:
    with ExitStack() as stack:
        settings = _start_engines(stack)
        return _follow(command, {**os.environ, **settings}) if command else _wait()


def _reset(_: Sequence[str]) -> int:
    shutil.rmtree(Postgresql(FOLDER.resolve() / "postgresql").folder)  # For root it is elsewhere.
    shutil.rmtree(FOLDER)
    return 0


def _start_engines(stack: ExitStack) -> dict[str, str]:
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


def _follow(command: Sequence[str], environment: Mapping[str, str]) -> int:
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
