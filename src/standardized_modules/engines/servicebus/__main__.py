"""`python -m standardized_modules.engines.servicebus`: run the emulator until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path

import msgspec

from standardized_modules.engines.servicebus.server import LOOPBACK, Emulator, connection_string
from standardized_modules.engines.servicebus.settings import EmulatorSettings, QueueSettings, read_settings


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator; the exit code is 0 after a signal, and 2 when it cannot start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(_settings(options), options.data, options.port, options.ready_file))
    except (OSError, ValueError, sqlite3.Error) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="servicebus", description="Emulator of Azure Service Bus queues on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    parser.add_argument("--data", type=Path, help="folder to keep messages in; without one they end with the emulator")
    parser.add_argument("--ready-file", type=Path, help="file to write the ready line to as well, when ready")
    parser.add_argument("--config", type=Path, help="YAML or JSON file with `queues` and `max_message_size`")
    parser.add_argument("--max-message-size", type=int, metavar="BYTES", help="default: 262144")
    group = parser.add_argument_group("queues", "Without a configuration file: names, and settings of all of them.")
    group.add_argument("--queue", action="append", default=[], metavar="NAME", help="a queue; may be repeated")
    group.add_argument("--lock-duration", type=float, metavar="SECONDS")
    group.add_argument("--max-delivery-count", type=int, metavar="NUMBER")
    group.add_argument("--time-to-live", type=float, metavar="SECONDS")
    group.add_argument("--dead-letter-on-expiration", action="store_true", default=None)
    group.add_argument("--duplicate-detection-window", type=float, metavar="SECONDS")
    group.add_argument("--requires-session", action="store_true", default=None)
    return parser


def _settings(options: argparse.Namespace) -> EmulatorSettings:
    names = [name for name in QueueSettings.__struct_fields__ if name != "name"]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.config and (options.queue or given):
        raise ValueError("queues are declared either by --config or by options")
    found = read_settings(options.config) if options.config else None
    queues = found.queues if found else [QueueSettings(name=name, **given) for name in options.queue]
    if not queues:
        raise ValueError("no queue is declared: --queue NAME or --config FILE")
    if len({queue.name.lower() for queue in queues}) < len(queues):
        raise ValueError("a queue is declared twice")
    settings = found or EmulatorSettings(queues=queues)
    if options.max_message_size is not None:
        settings = msgspec.structs.replace(settings, max_message_size=options.max_message_size)
    return settings


async def _run(settings: EmulatorSettings, data: Path | None, port: int, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    emulator = Emulator(settings, data)
    try:
        port = await emulator.start(port)
        line = json.dumps({"host": LOOPBACK, "port": port, "connection_string": connection_string(port)})
        if ready_file:
            # Whoever watches the file must never see half a line.
            part = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
            part.write_text(line + "\n", encoding="utf-8")
            part.replace(ready_file)
        print(line, flush=True)
        await _first_of(stop, emulator.broken)
    finally:
        await emulator.stop()


async def _first_of(stop: asyncio.Event, broken: asyncio.Future[None]) -> None:
    """Wait for the signal, or raise what broke the emulator."""
    stopping = asyncio.create_task(stop.wait())
    broken.add_done_callback(lambda _: stopping.cancel())
    try:
        await stopping
    except asyncio.CancelledError:
        broken.result()


if __name__ == "__main__":
    sys.exit(main())
