"""Doing things once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI, Request

from parcels import idempotency
from parcels.caller import caller
from parcels.idempotency import Stored, fingerprint, once, settle
from parcels.idempotency_memory import MemoryIdempotencyStore
from parcels.problems import ProblemError
from parcels.settings import Settings
from tests.support import client_for


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
    first = await once(store, "k", "me", "same", work)
    second = await once(store, "k", "me", "same", work)
    assert (first.body, second.body, second.status_code) == (b"1", b"1", 201)
    assert second.headers["location"] == "/x"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_without_a_key_everything_is_done() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    await once(store, None, "me", "same", work)
    await once(store, None, "me", "same", work)
    assert work.done == 2


async def test_a_key_belongs_to_one_request() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    await once(store, "k", "me", "one", work)
    with pytest.raises(ProblemError) as caught:
        await once(store, "k", "me", "other", work)
    assert caught.value.status_code == 422


async def test_of_concurrent_requests_one_is_done_and_the_others_are_told_to_wait() -> None:
    store, work = MemoryIdempotencyStore(), Work(0.02)
    results = await asyncio.gather(
        *(once(store, "k", "me", "same", work) for _ in range(5)), return_exceptions=True
    )
    conflicts = [r.status_code for r in results if isinstance(r, ProblemError)]
    assert work.done == 1
    assert conflicts == [409] * 4


async def test_what_failed_may_be_tried_again() -> None:
    store, work = MemoryIdempotencyStore(), Work()

    async def fails() -> Stored:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await once(store, "k", "me", "same", fails)
    assert (await once(store, "k", "me", "same", work)).body == b"1"


async def _cancelled(store: MemoryIdempotencyStore, work: Callable[[], Awaitable[Stored]]) -> None:
    request = asyncio.create_task(once(store, "k", "me", "same", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request


async def test_a_request_cancelled_after_the_effect_does_not_repeat_it() -> None:
    store, work = MemoryIdempotencyStore(), Work(0.02)
    await _cancelled(store, work)
    with pytest.raises(ProblemError) as caught:
        await once(store, "k", "me", "same", work)
    assert caught.value.status_code == 409
    await settle(5)
    again = await once(store, "k", "me", "same", work)
    assert (again.body, again.headers["idempotency-replayed"], work.done) == (b"1", "true", 1)


async def test_work_that_fails_after_its_request_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails() -> Stored:
        await asyncio.sleep(0.01)
        raise ConnectionError("late")

    store = MemoryIdempotencyStore()
    await _cancelled(store, fails)
    await settle(5)
    await asyncio.sleep(0)
    assert "finished after its request had ended: failed" in caplog.text
    assert "late" in caplog.text
    assert (await once(store, "k", "me", "same", Work())).body == b"1"


async def test_shutdown_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    await _cancelled(MemoryIdempotencyStore(), Work(0.2))
    await settle(0.01)
    assert "work cut off" in caplog.text
    await settle(5)


async def test_work_that_takes_too_long_keeps_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WORK_SECONDS", 0.01)
    now = 0.0
    store, work = MemoryIdempotencyStore(clock=lambda: now), Work()
    with pytest.raises(TimeoutError):
        await once(store, "k", "me", "same", Work(60))
    with pytest.raises(ProblemError) as caught:
        await once(store, "k", "me", "same", work)
    assert caught.value.status_code == 409
    now = store.lease_seconds
    assert (await once(store, "k", "me", "same", work)).body == b"1"


async def test_keys_belong_to_their_caller() -> None:
    store, work = MemoryIdempotencyStore(), Work()
    mine = await once(store, "k", "me", "same", work)
    yours = await once(store, "k", "you", "same", work)
    assert (mine.body, yours.body) == (b"1", b"2")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"authorization": "Bearer a"}, {"authorization": "Bearer b"}, False),
        ({"authorization": "Bearer a"}, {}, False),
        ({"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "203.0.113.2"}, False),
        ({"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "9.9.9.9, 203.0.113.1"}, True),
    ],
)
async def test_who_is_the_same_caller(
    one: dict[str, str], other: dict[str, str], *, same: bool
) -> None:
    seen = []

    def routes(app: FastAPI, _: Settings) -> None:
        @app.get("/me")
        async def me(request: Request) -> None:
            seen.append(caller(request))

    settings = Settings(trusted_proxy_hops=1, rate_limit_requests=0)
    async with client_for(settings, routes) as client:
        await client.get("/me", headers=one)
        await client.get("/me", headers=other)
    assert (seen[0] == seen[1]) == same
    assert "Bearer" not in "".join(seen)


def test_fingerprints_do_not_confuse_neighbours() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
