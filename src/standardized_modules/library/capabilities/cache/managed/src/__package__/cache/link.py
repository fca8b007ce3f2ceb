"""The way to the cache, which may be away at any time."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Self, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from .connection import CONNECT_SECONDS
from .metrics import DURATION, UP

T = TypeVar("T")

PAUSE_SECONDS = 1.0
"""Between two attempts to reach it. Nobody waits for them."""

_log = logging.getLogger(__name__)


class AwayError(Exception):
    """The cache does not answer, or not in time, or not as a cache should."""


class Link:
    """Asks the cache as long as it answers.

    The first fault ends that: what another request would learn by waiting is known already. Then a
    task tries to reach it, with new connections, because the name may lead elsewhere after a
    failover. So no request ever waits for a connection to a cache that is away.

    Args:
        redis: The client.
        probe: A key that nobody else uses.
        seconds: How long an answer may take.
        on_return: What has to be done before the cache is used again.
    """

    def __init__(
        self, redis: Redis, probe: str, seconds: float, on_return: Callable[[], Awaitable[None]]
    ) -> None:
        self._redis = redis
        self._probe = probe
        self._seconds = seconds
        self._on_return = on_return
        self._up = False
        self._task: asyncio.Task[None] | None = None

    async def ask(self, operation: str, request: Callable[[Redis], Awaitable[T]]) -> T:
        """What the cache answers. Raises AwayError."""
        if not self._up:
            raise AwayError
        began = perf_counter()
        try:
            async with asyncio.timeout(self._seconds):
                return await request(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            if is_about_the_key(error):
                raise
            self._lost(error)
            raise AwayError from error
        finally:
            DURATION.labels(operation).observe(perf_counter() - began)

    async def __aenter__(self) -> Self:
        UP.set(0)
        self._task = asyncio.create_task(self._reach(), name="cache")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._up = False
        await self._redis.aclose()

    def _lost(self, error: Exception) -> None:
        if self._up:  # Of requests that were on their way, the first one is enough.
            self._up = False
            UP.set(0)
            _log.warning("doing without the cache", extra={"reason": repr(error)})
            self._task = asyncio.create_task(self._reach(), name="cache")

    async def _reach(self) -> None:
        """Until it answers. What was owed to it is delivered before anybody else asks."""
        tries = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._redis.connection_pool.disconnect()
                    # A write: a server that was demoted answers to reads, with what it had then.
                    await self._redis.set(self._probe, b"", px=1)
                await self._on_return()
            except (RedisError, OSError, TimeoutError) as error:
                if tries == 0:
                    _log.warning("the cache is not reached", extra={"reason": repr(error)})
                tries += 1
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 no secret
            else:
                self._up = True
                UP.set(1)
                _log.info("using the cache", extra={"tries": tries + 1})
                return


def is_about_the_key(error: Exception) -> bool:
    """Whether it is the content that is wrong: something of another type is kept there."""
    return isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE")
