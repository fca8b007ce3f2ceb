"""`python -m standardized_modules.engines.tables`: run the emulator until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from standardized_modules.engines.tables.errors import TableError
from standardized_modules.engines.tables.server import LOOPBACK, Emulator, connection_string


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator; the exit code is 0 after a signal, and 2 when it cannot start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(options.table, options.port, options.ready_file))
    except (OSError, OverflowError, TableError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tables", description="Emulator of Azure Table storage on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    parser.add_argument("--ready-file", type=Path, help="file to write the ready line to as well, when ready")
    parser.add_argument("--table", action="append", default=[], metavar="NAME", help="a table; may be repeated")
    return parser


async def _run(tables: Sequence[str], port: int, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    emulator = Emulator(tables)
    try:
        port = await emulator.start(port)
        line = json.dumps({"host": LOOPBACK, "port": port, "connection_string": connection_string(port)})
        if ready_file:
            # Whoever watches the file must never see half a line.
            part = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
            part.write_text(line + "\n", encoding="utf-8")
            part.replace(ready_file)
        print(line, flush=True)
        await stop.wait()
    finally:
        await emulator.stop()


if __name__ == "__main__":
    sys.exit(main())
