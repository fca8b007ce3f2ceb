"""The emulator on a thread of its own: the real server, over real sockets, up within milliseconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from standardized_modules.engines.servicebus.server import Emulator, connection_string
from standardized_modules.engines.servicebus.settings import EmulatorSettings, QueueSettings


class RunningEmulator:
    """An emulator that can be stopped and started again on the same port."""

    def __init__(self, settings: EmulatorSettings, data: Path | None) -> None:
        self.port = 0
        self._settings, self._data = settings, data

    @property
    def connection_string(self) -> str:
        return connection_string(self.port)

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(ready),), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the emulator does not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the emulator does not stop"

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        emulator = Emulator(self._settings, self._data)
        self.port = await emulator.start(self.port)
        ready.set()
        await self._stop.wait()
        await emulator.stop()
        assert not emulator.broken.done(), emulator.broken.exception()


Start = Callable[..., RunningEmulator]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an emulator with a queue `orders` of these settings."""
    with ExitStack() as running:

        def start(*, data: Path | None = None, max_message_size: int = 262_144, **queue: object) -> RunningEmulator:
            queues = [QueueSettings(**{"name": "orders", **queue})]  # type: ignore[arg-type]
            emulator = RunningEmulator(EmulatorSettings(queues=queues, max_message_size=max_message_size), data)
            emulator.start()
            running.callback(emulator.stop)
            return emulator

        yield start
