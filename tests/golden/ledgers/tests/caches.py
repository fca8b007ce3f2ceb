"""A real Valkey for tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledgers.cache import AwayError, Cache, open_cache
from ledgers.settings import Settings
from local.valkey import Valkey, cache_settings, open_valkey


@dataclass(frozen=True)
class ScratchCache:
    """A cache that is empty when the test begins."""

    server: Valkey
    environment: dict[str, str]
    """What leads a process to it."""

    @property
    def settings(self) -> dict[str, Any]:
        """What leads `Settings(**…)` to it."""
        return {name.removeprefix("APP_").lower(): v for name, v in self.environment.items()}


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchCache]:
    folder = tmp_path_factory.mktemp("valkey")
    with open_valkey(folder) as server:
        yield ScratchCache(server, cache_settings(server, folder / "credentials"))


@pytest.fixture
def valkey(_valkey: ScratchCache) -> ScratchCache:
    """The server that all tests share: do not stop it, `own_valkey` is for that."""
    _valkey.server.flush()
    return _valkey


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ScratchCache]:
    """A server that a test may kill."""
    with open_valkey(tmp_path / "valkey") as server:
        yield ScratchCache(server, cache_settings(server, tmp_path / "credentials"))


@asynccontextmanager
async def opened(scratch: ScratchCache, **settings: float) -> AsyncIterator[Cache]:
    """A cache that is in use."""
    cache = open_cache(Settings(**scratch.settings | {"cache_timeout_seconds": 2} | settings))
    assert cache is not None
    async with cache:
        await until_up(cache)
        yield cache


async def until_up(cache: Cache) -> None:
    """Wait until it is used."""
    async with asyncio.timeout(15):
        while True:
            try:
                await cache.read("nothing")
            except AwayError:
                await asyncio.sleep(0.02)
            else:
                return
