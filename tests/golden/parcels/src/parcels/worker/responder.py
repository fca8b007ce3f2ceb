"""A small HTTP/1.1 server for probes: it answers one request a connection and knows no more.

A web framework for three paths would be most of what a worker loads.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

Answer = tuple[int, Mapping[str, object]]
Respond = Callable[[str, str, bytes], Awaitable[Answer]]
"""Method, path and body to status and JSON."""

TIMEOUT_SECONDS = 5.0
"""For a whole request: probes take milliseconds, and give up after a few seconds themselves."""
MAX_HEAD = 8192


class _RefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@asynccontextmanager
async def responding(
    host: str, port: int, respond: Respond, *, max_body: int = 0
) -> AsyncIterator[None]:
    """Serve while the block runs."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status, content = await _answer(reader, respond, max_body)
                writer.write(_encode(status, content))
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            return  # Who asked has gone, or never said what they want.
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, host, port, limit=MAX_HEAD)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def _answer(reader: asyncio.StreamReader, respond: Respond, max_body: int) -> Answer:
    try:
        method, path, length = await _head(reader, max_body)
    except _RefusedError as refused:
        return refused.status, {"status": HTTPStatus(refused.status).phrase}
    return await respond(method, path, await reader.readexactly(length))


async def _head(reader: asyncio.StreamReader, max_body: int) -> tuple[str, str, int]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    request, *lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, _ = request.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise _RefusedError(HTTPStatus.BAD_REQUEST) from None
    if length < 0 or "transfer-encoding" in headers:
        raise _RefusedError(HTTPStatus.BAD_REQUEST)
    if length > max_body:
        raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return method, target.partition("?")[0], length


def _encode(status: int, content: Mapping[str, object]) -> bytes:
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
