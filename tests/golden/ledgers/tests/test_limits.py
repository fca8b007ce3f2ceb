"""Body size and time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledgers.settings import Settings
from tests.support import client_for, misbehaving

LIMIT = 1000


async def _chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 100):
        yield b"x" * 100


@pytest.mark.parametrize(("size", "status"), [(0, 200), (LIMIT, 200), (LIMIT + 1, 413)])
async def test_an_announced_body(size: int, status: int) -> None:
    async with client_for(Settings(max_body_bytes=LIMIT), misbehaving) as client:
        answer = await client.post("/v1/things/size", content=b"x" * size)
    assert answer.status_code == status
    assert status == 413 or answer.json() == {"size": size}


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 100, 413)])
async def test_a_streamed_body(size: int, status: int) -> None:
    async with client_for(Settings(max_body_bytes=LIMIT), misbehaving) as client:
        answer = await client.post("/v1/things/size", content=_chunks(size))
    assert answer.status_code == status
    if status == 413:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["connection"] == "close"


async def _dribbled(seconds: float) -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.sleep(seconds)
    yield b"x"


# One never ends, the other when hardly any time is left for the handler.
@pytest.mark.parametrize("seconds", [60, 0.3])
async def test_a_client_that_dribbles_its_body_is_told_so(seconds: float) -> None:
    settings = Settings(request_timeout_seconds=0.4)
    async with client_for(settings, misbehaving) as client:
        await client.get("/v1/things/1")  # The first request of an application takes longer.
        path = "/v1/things/slow-after-body"
        answer = await client.post(path, content=_dribbled(seconds))
    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_slow_handler_is_not_blamed_on_the_client() -> None:
    settings = Settings(request_timeout_seconds=0.1)
    async with client_for(settings, misbehaving) as client:
        answer = await client.post("/v1/things/slow-after-body", content=b"x")
    assert answer.status_code == 504


async def test_the_timeout_does_not_cut_an_answer_that_has_begun() -> None:
    settings = Settings(request_timeout_seconds=0.05)
    async with client_for(settings, misbehaving) as client:
        answer = await client.post("/v1/things/stream")
    assert answer.text == "begin end"


async def test_a_cancelled_request_is_cancelled_and_not_a_timeout() -> None:
    async with client_for(Settings(), misbehaving) as client:
        task = asyncio.create_task(client.get("/v1/things/slow/30"))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_stream_that_breaks_is_cut_and_not_ended_properly() -> None:
    async with client_for(Settings(), misbehaving) as client:
        with pytest.raises(RuntimeError, match="in the middle"):
            await client.post("/v1/things/broken-stream")
