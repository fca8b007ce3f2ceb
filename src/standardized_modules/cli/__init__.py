"""`sm`: parse, call the engine, print. One file a command."""

from typing import NoReturn


def main() -> NoReturn:
    """The entry point. Imports within, so that Ctrl-C during the imports is no traceback either."""
    try:
        from standardized_modules.cli.app import main as run_and_exit

        run_and_exit()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


__all__ = ["main"]
