"""The emulator on a thread of its own: the real server, over real sockets, up within milliseconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
from azure.data.tables import TableClient, TableServiceClient

from standardized_modules.engines.tables.server import Emulator, connection_string


class RunningEmulator:
    """An emulator, until it is stopped."""

    def __init__(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(ready),), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the emulator does not start"
        self.connection_string = connection_string(self.port)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the emulator does not stop"

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        emulator = Emulator(["there"])
        self.port = await emulator.start()
        ready.set()
        await self._stop.wait()
        await emulator.stop()


@pytest.fixture(scope="package")
def emulator() -> Iterator[RunningEmulator]:
    running = RunningEmulator()
    yield running
    running.stop()


@pytest.fixture
def account(emulator: RunningEmulator) -> Iterator[TableServiceClient]:
    """Without retries: what the emulator says first counts."""
    with TableServiceClient.from_connection_string(emulator.connection_string, retry_total=0) as client:
        yield client


@pytest.fixture
def table(account: TableServiceClient) -> TableClient:
    """An empty table that no other test uses."""
    return account.create_table(f"t{uuid4().hex}")
