"""One connection to the cache: in time, in order, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop

from ledgers.cache.connection import Connection, connect
from ledgers.cache.credentials import open_credentials
from ledgers.settings import Settings
from tests.caches import ScratchCache


@asynccontextmanager
async def connected(settings: Settings, lost: list[Exception]) -> AsyncIterator[Connection]:
    """A connection that is closed in the end; what ends it before is put on the list."""
    connection = await connect(settings, open_credentials(settings), None, lost.append)
    yield connection
    connection.close()


@asynccontextmanager
async def saying(what: bytes) -> AsyncIterator[Settings]:
    """A server that answers anything with that."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(what)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        yield Settings(cache_host=host, cache_port=port, cache_tls=False, cache_credentials_file="")


@pytest.mark.parametrize("what", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n+OK\r\n"])
async def test_what_is_no_cache_is_not_listened_to(what: bytes) -> None:
    lost: list[Exception] = []
    async with saying(b"+OK\r\n") as settings, connected(settings, lost) as connection:
        assert await connection.ask(("GET", "a")) == b"OK"
    async with saying(what) as settings:
        with pytest.raises(ConnectionError):
            async with connected(settings, lost) as connection:
                await connection.ask(("GET", "a"))
    assert len(lost) == 1, "told once, and not of a connection that was closed from here"


async def test_whoever_waits_when_it_is_closed_is_told(valkey: ScratchCache) -> None:
    lost: list[Exception] = []
    async with connected(Settings(**valkey.settings), lost) as connection:
        waiting = connection.ask(("BLPOP", "nothing", 0))
    for answer in (waiting, connection.ask(("PING",))):
        with pytest.raises(ConnectionError, match="closed"):
            await answer
    assert not lost


async def test_an_answer_that_takes_too_long_ends_it(valkey: ScratchCache) -> None:
    lost: list[Exception] = []
    settings = Settings(**valkey.settings | {"cache_timeout_seconds": 0.1})
    async with connected(settings, lost) as connection:
        answers = [connection.ask(("BLPOP", "nothing", 0)), connection.ask(("PING",))]
        for answer in answers:
            with pytest.raises(TimeoutError, match=r"0\.1 s"):
                await answer
    assert len(lost) == 1


def test_it_waits_as_long_for_the_hundredth_answer(valkey: ScratchCache) -> None:
    """The timer is that of the first question; each has its own time all the same."""

    async def ask() -> None:
        lost: list[Exception] = []
        settings = Settings(**valkey.settings | {"cache_timeout_seconds": 1})
        async with connected(settings, lost) as connection:
            for _ in range(4):
                assert await connection.ask(("BLPOP", "nothing", 0.4)) is None
        assert not lost

    uvloop.run(ask())


def test_an_answer_that_came_in_time_counts_when_it_is_read_late(valkey: ScratchCache) -> None:
    """As when the container had no processor for a while; the loop has to read first."""

    async def ask() -> None:
        lost: list[Exception] = []
        settings = Settings(**valkey.settings | {"cache_timeout_seconds": 0.5})
        async with connected(settings, lost) as connection:
            answer = connection.ask(("BLPOP", "nothing", 0.1))
            await asyncio.sleep(0.05)
            time.sleep(0.6)  # noqa: ASYNC251 nothing happens here meanwhile
            assert await answer is None
        assert not lost

    uvloop.run(ask())
