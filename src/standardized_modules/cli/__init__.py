"""`sm`: parse, call the engine, print. One file a command."""

from standardized_modules.cli.main import main

__all__ = ["main"]
