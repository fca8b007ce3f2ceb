"""Limits shared by all replicas, on a real Valkey."""

import asyncio
from contextlib import AsyncExitStack

from accounts.cache import Cache
from accounts.rate_limit.memory import MemoryLimiter
from accounts.rate_limit.redis import RedisLimiter
from accounts.settings import Settings
from tests.caches import ScratchCache, opened, until_up
from tests.observing import sample
from tests.support import client_for, misbehaving


def limiter(cache: Cache, limit: int, window: int = 3600) -> RedisLimiter:
    """One whose own count, without the cache, allows a single request."""
    return RedisLimiter(cache, MemoryLimiter(1, 3600), limit, window)


def backend_errors() -> float:
    """Requests that were counted locally."""
    return sample("rate_limit_backend_errors_total")


async def test_the_limit_holds_for_concurrent_requests_of_many_replicas(
    valkey: ScratchCache,
) -> None:
    before = backend_errors()
    async with opened(valkey) as cache, opened(valkey) as another:
        one, other = limiter(cache, 50), limiter(another, 50)
        decisions = []
        for _ in range(10):
            every = (each.hit("a") for each in (one, other) for _ in range(10))
            decisions += await asyncio.gather(*every)
        assert (await one.hit("b")).remaining == 49
    assert sum(decision.allowed for decision in decisions) == 50
    assert {decision.remaining for decision in decisions if not decision.allowed} == {0}
    assert sorted({decision.remaining for decision in decisions}) == list(range(50))
    assert backend_errors() == before


async def test_waiting_as_told_helps_and_counts_expire(valkey: ScratchCache) -> None:
    async with opened(valkey) as cache:
        shared = limiter(cache, 3, 1)
        while (decision := await shared.hit("a")).allowed:
            pass
        assert 1 <= decision.retry_after <= 2
        await asyncio.sleep(decision.retry_after)
        assert (await shared.hit("a")).allowed
        key = "accounts:rate-limit:a"
        assert 0 < int(valkey.server.ask(f"PTTL {key}")[1:]) <= 2000


async def test_after_the_announced_silence_the_whole_quota_passes(valkey: ScratchCache) -> None:
    async with opened(valkey) as cache:
        shared = limiter(cache, 10, 1)
        decision = await shared.hit("a")
        while decision.allowed:
            await asyncio.sleep(0.07)
            decision = await shared.hit("a")
        # Up to two windows; then the burst has to fit into what is left of the window it is in.
        assert 1 <= decision.reset <= 2
        await asyncio.sleep(decision.reset)
        assert [(await shared.hit("a")).remaining for _ in range(10)] == list(range(10))[::-1]


async def test_without_the_cache_requests_are_counted_locally_and_it_comes_back(
    own_valkey: ScratchCache,
) -> None:
    async with opened(own_valkey) as cache:
        shared = limiter(cache, 100)
        assert (await shared.hit("a")).remaining == 99
        own_valkey.server.kill()
        before = backend_errors()
        assert (await shared.hit("a")).allowed, "the local limiter knows nothing of it yet"
        assert not (await shared.hit("a")).allowed, "the local limit is 1"
        assert backend_errors() == before + 2
        own_valkey.server.start()
        await until_up(cache)
        assert (await shared.hit("a")).remaining == 99, "it has forgotten everything"


async def test_a_count_that_is_something_else_is_no_reason_to_fail(valkey: ScratchCache) -> None:
    async with opened(valkey) as cache:
        valkey.server.ask("SET accounts:rate-limit:a text")
        assert (await limiter(cache, 5).hit("a")).allowed


async def test_processes_share_the_limit(valkey: ScratchCache) -> None:
    settings = Settings(**valkey.settings, rate_limit_requests=6, cache_timeout_seconds=2)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(client_for(settings, misbehaving)) for _ in range(3)
        ]
        for client in clients:
            await until_up(client.app.state.cache)  # type: ignore[attr-defined]  # set by support.py
        answers = [await clients[number % 3].get("/v1/things/1") for number in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
