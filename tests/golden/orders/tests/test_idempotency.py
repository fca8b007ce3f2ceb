"""Doing things once."""

import asyncio

import pytest

from orders.idempotency import Stored, fingerprint, once
from orders.idempotency_memory import MemoryIdempotencyStore
from orders.problems import ProblemError


class Work:
    """Counts how often it was done."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.done = 0

    async def __call__(self) -> Stored:
        await asyncio.sleep(self.seconds)
        self.done += 1
        return Stored(201, b"%d" % self.done, (("location", "/x"),))


async def test_a_repeated_request_gets_the_first_answer() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    first = await once(store, "k", "same", work)
    second = await once(store, "k", "same", work)
    assert (first.body, second.body, second.status_code) == (b"1", b"1", 201)
    assert second.headers["location"] == "/x"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_without_a_key_everything_is_done() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    await once(store, None, "same", work)
    await once(store, None, "same", work)
    assert work.done == 2


async def test_a_key_belongs_to_one_request() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    await once(store, "k", "one", work)
    with pytest.raises(ProblemError) as caught:
        await once(store, "k", "other", work)
    assert caught.value.status_code == 422


async def test_of_concurrent_requests_one_is_done_and_the_others_are_told_to_wait() -> None:
    store, work = MemoryIdempotencyStore(), Work(0.02)
    results = await asyncio.gather(
        *(once(store, "k", "same", work) for _ in range(5)), return_exceptions=True
    )
    conflicts = [r.status_code for r in results if isinstance(r, ProblemError)]
    assert work.done == 1
    assert conflicts == [409] * 4


async def test_what_failed_or_was_cancelled_may_be_tried_again() -> None:
    store, work = MemoryIdempotencyStore(), Work()

    async def fails() -> Stored:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await once(store, "k", "same", fails)
    slow = asyncio.create_task(once(store, "k", "same", Work(60)))
    await asyncio.sleep(0.01)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert (await once(store, "k", "same", work)).body == b"1"


async def test_keys_expire_and_their_number_is_bounded() -> None:
    now = 0.0
    store = MemoryIdempotencyStore(keep_seconds=10, max_keys=3, clock=lambda: now)
    work = Work()
    for key in "abcd":
        await once(store, key, "same", work)
    await once(store, "d", "same", work)
    assert work.done == 4
    await once(store, "a", "same", work)
    assert work.done == 5
    now = 11.0
    await once(store, "d", "same", work)
    assert work.done == 6


def test_fingerprints_do_not_confuse_neighbours() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
