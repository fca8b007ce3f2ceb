"""The store in memory: leases, bounds, and claims that nobody else can end."""

import pytest

from order_events_api.idempotency import Claim, Stored
from order_events_api.idempotency_memory import (
    OVERHEAD,
    MemoryIdempotencyStore,
)
from order_events_api.problems import ProblemError

ANSWER = Stored(201, b"done", (("location", "/x"),))


async def claimed(store: MemoryIdempotencyStore, key: str) -> Claim:
    """A claim to a key that must be free."""
    claim = await store.begin(key, "same")
    assert isinstance(claim, Claim)
    return claim


async def refused(store: MemoryIdempotencyStore, key: str) -> int:
    """The status of the refusal that must come."""
    with pytest.raises(ProblemError) as caught:
        await store.begin(key, "same")
    return caught.value.status_code


async def test_answers_expire() -> None:
    now = 0.0
    store = MemoryIdempotencyStore(keep_seconds=10, clock=lambda: now)
    await store.complete(await claimed(store, "a"), ANSWER)
    now = 9.9
    assert await store.begin("a", "same") == ANSWER
    now = 10.0
    await claimed(store, "a")


async def test_a_late_owner_cannot_touch_the_claim_of_another() -> None:
    now = 0.0
    store = MemoryIdempotencyStore(lease_seconds=10, clock=lambda: now)
    late = await claimed(store, "a")
    now = 10.0
    current = await claimed(store, "a")
    await store.abandon(late)
    await store.complete(late, Stored(500, b"late"))
    assert await refused(store, "a") == 409
    await store.complete(current, ANSWER)
    await store.complete(late, Stored(500, b"late"))
    await store.abandon(late)
    assert await store.begin("a", "same") == ANSWER


async def test_an_answer_after_the_lease_is_kept_when_nobody_else_claimed() -> None:
    now = 0.0
    store = MemoryIdempotencyStore(lease_seconds=10, clock=lambda: now)
    claim = await claimed(store, "a")
    now = 11.0
    await claimed(store, "b")
    await store.complete(claim, ANSWER)
    assert await store.begin("a", "same") == ANSWER


async def test_the_oldest_answer_makes_room_and_a_claim_never_does() -> None:
    store = MemoryIdempotencyStore(max_keys=3)
    running = await claimed(store, "running")
    for key in "abc":
        await store.complete(await claimed(store, key), ANSWER)
    assert await store.begin("c", "same") == ANSWER
    assert await refused(store, "running") == 409
    await claimed(store, "a")
    await claimed(store, "d")
    assert await refused(store, "e") == 503
    await store.abandon(running)
    await claimed(store, "e")


async def test_answers_are_bounded_in_bytes() -> None:
    store = MemoryIdempotencyStore(max_bytes=3 * (OVERHEAD + 100))
    for key in "abcd":
        await store.complete(await claimed(store, key), Stored(200, b"x" * 100))
    for key in "bcd":
        assert isinstance(await store.begin(key, "same"), Stored)
    await claimed(store, "a")


async def test_what_is_too_large_to_keep_is_still_done_only_once() -> None:
    store = MemoryIdempotencyStore(max_bytes=5000)
    await store.complete(await claimed(store, "small"), ANSWER)
    await store.complete(await claimed(store, "large"), Stored(200, b"x" * 5000))
    assert await refused(store, "large") == 409
    assert await store.begin("small", "same") == ANSWER
