"""An address that leads to a server, and can be made to lead to another one: a failover by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Endpoint:
    """Forwards connections, as a load balancer or a changed DNS name does."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self.port = 0
        self._speaking = asyncio.Event()
        self._speaking.set()

    def lead_to(self, host: str, port: int) -> None:
        """From now on; connections that are there stay, as they do when a name changes."""
        self._target = (host, port)

    def fall_silent(self) -> None:
        """Accept and say nothing: a machine that is gone, without a word of goodbye."""
        self._speaking.clear()

    def speak(self) -> None:
        """Pass on again, also what was said in the meantime."""
        self._speaking.set()

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._open:
            writer.transport.abort()

    async def close(self) -> None:
        """Break all connections, and wait until nothing is left of them."""
        self.speak()
        self.cut()
        await asyncio.gather(*self._forwarding)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection."""
        task = asyncio.create_task(self._forward(reader, writer))
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead, behind = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, behind}
        self._open |= ends
        try:
            await asyncio.gather(self._copy(reader, behind), self._copy(ahead, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._speaking.wait()
                target.write(data)
                await target.drain()
        target.transport.abort()


@asynccontextmanager
async def open_endpoint(host: str, port: int) -> AsyncIterator[Endpoint]:
    """On a free port of this machine, as long as the block runs."""
    endpoint = Endpoint(host, port)
    listener = await asyncio.start_server(endpoint.accept, "127.0.0.1", 0)
    endpoint.port = listener.sockets[0].getsockname()[1]
    async with listener:
        try:
            yield endpoint
        finally:
            listener.close()
            await endpoint.close()
