"""The command line: without a command it starts the API; `--help` lists the others."""

import argparse
import signal
import sys
from collections.abc import Sequence

from . import backup_commands, database_commands
from .api import run_api
from .startup import read_settings

SIGINT_CODE = 128 + signal.SIGINT
"""What shells say of a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code of the process."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.set_defaults(run=lambda settings, _: run_api(settings))
    commands = parser.add_subparsers(title="commands")
    database_commands.add_commands(commands)
    backup_commands.add_commands(commands)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(read_settings(), chosen)
    except KeyboardInterrupt:
        # Of a command, or before the worker listens for signals.
        return SIGINT_CODE
    return code


if __name__ == "__main__":
    sys.exit(main())
