"""A way to a broker that can be cut: what workers see of one that restarts and kept its data."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from standardized_modules.engines.running import LOOPBACK


class Proxy:
    """Forwards connections, in a thread of its own."""

    def __init__(self) -> None:
        self.target = self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._listen)

    def to(self, target: int) -> int:
        """Lead to this port; returns the own one."""
        self.target = target
        return self.port

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        self._run(self._refuse)

    def restore(self) -> None:
        """Accept connections again, on the same port."""
        self._run(self._listen)

    def close(self) -> None:
        """Stop for good."""
        self._run(self._refuse)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, step: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(step(), self._loop).result(30)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
            try:
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@contextmanager
def open_proxy() -> Iterator[Proxy]:
    """A proxy that ends with the test."""
    proxy = Proxy()
    try:
        yield proxy
    finally:
        proxy.close()
