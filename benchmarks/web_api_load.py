"""The load generator of web_api.py and data_api.py: keep-alive connections, each with one request in flight.

A bare asyncio protocol on uvloop sends several times more than a FastAPI process answers, so the
server is what is measured; an installed `wrk` would add a dependency and show the same.
"""

import asyncio
import itertools
import json
import re
import time
import urllib.request
from collections.abc import Iterator, Sequence
from typing import cast

import uvloop

CONNECTIONS = 32
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is complete, until told to stop."""

    def __init__(self, requests: Iterator[bytes], stop: float) -> None:
        self.requests, self.stop = requests, stop
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.answers = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio.Transport, only alike.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not separator or length is None or len(body) < int(length[1]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(f"unexpected answer: {head[:40]!r}"))
            self.transport.close()
            return
        self.buffer = b""
        self.answers += 1
        if time.perf_counter() < self.stop:
            self.transport.write(next(self.requests))
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(self.answers)


def run_load(port: int, paths: Sequence[str], seconds: float) -> tuple[int, float]:
    """Number of answers and the time they took; the connections share the paths in turn."""
    return uvloop.run(_load(port, paths, seconds))


async def _load(port: int, paths: Sequence[str], seconds: float) -> tuple[int, float]:
    requests = itertools.cycle(
        (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: benchmark\r\n"
            "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n\r\n"
        ).encode()
        for path in paths
    )
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(requests, began + seconds), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    async with asyncio.timeout(seconds + 10):
        counts = await asyncio.gather(*(connection.done for _, connection in opened))
    return sum(counts), time.perf_counter() - began


def create_item(port: int, name: str = "benchmark") -> str:
    """Create one item and return the path to load."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/items",
        data=json.dumps({"name": name, "quantity": 3}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 our own http URL
        return f"/v1/items/{json.load(response)['id']}"
