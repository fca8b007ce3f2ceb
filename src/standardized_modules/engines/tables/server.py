"""The emulator: one event loop, in which each request is answered before the next one is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable

from standardized_modules.engines.tables import http
from standardized_modules.engines.tables.edm import TICKS
from standardized_modules.engines.tables.errors import TableError
from standardized_modules.engines.tables.keys import ACCOUNT, KEY
from standardized_modules.engines.tables.service import Service
from standardized_modules.engines.tables.store import Account

LOOPBACK = "127.0.0.1"
_log = logging.getLogger(__name__)


class Emulator:
    """A running emulator.

    Args:
        tables: Names of tables that are there from the start.

    Raises:
        TableError: That is no name for a table.
    """

    def __init__(self, tables: Iterable[str] = ()) -> None:
        self._account = Account(lambda: time.time_ns() // (1_000_000_000 // TICKS))
        self._service = Service(self._account)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        for name in tables:
            self._account.create(name)

    async def start(self, port: int = 0) -> int:
        """Listen on loopback, and say on which port.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=http.MAX_HEAD)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """End all connections. What is asked at this moment has been answered, for nothing here waits."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while await self._next(reader, writer):
                pass
        except (ConnectionError, asyncio.CancelledError):
            pass  # The client has gone, or we are about to.
        finally:
            self._connections.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request. False: there is no next one on this connection."""
        try:
            request = await http.read(reader)
        except TableError as problem:
            writer.write(http.encode(http.refusal(problem), close=True))
            await writer.drain()
            return False
        if request is None:
            return False
        close = request.headers.get("connection", "").lower() == "close"
        writer.write(http.encode(self._answer(request), close=close))
        await writer.drain()
        return not close

    def _answer(self, request: http.Request) -> http.Response:
        try:
            return self._service.answer(request)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            body = {"odata.error": {"code": "InternalError", "message": {"lang": "en-US", "value": "see the log"}}}
            return http.Response(500, body)


def connection_string(port: int) -> str:
    """What clients connect with."""
    endpoint = f"http://{LOOPBACK}:{port}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"
