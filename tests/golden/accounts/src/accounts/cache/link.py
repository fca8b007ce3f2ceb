"""The way to the cache, which may be away at any time."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Self, TypeAlias

from .connection import CONNECT_SECONDS, AnswerError, Argument, Command, Connection
from .metrics import UP, duration

Connect: TypeAlias = Callable[[Callable[[Exception], None]], Awaitable[Connection]]
"""Opens a connection, which tells the function that it is given when it is lost."""

PAUSE_SECONDS = 1.0
"""Between two attempts to reach it. Nobody waits for them."""

_log = logging.getLogger(__name__)


class AwayError(Exception):
    """The cache does not answer, or not in time, or not as a cache should."""


class Link:
    """Asks the cache as long as it answers.

    The first fault ends that: what another request would learn by waiting is known already. Then a
    task tries to reach it, with a new connection, because the name may lead elsewhere after a
    failover. So no request ever waits for a connection to a cache that is away.

    Args:
        connect: Opens a connection.
        probe: A key that nobody else uses.
        on_return: What has to be done before the cache is used again.
    """

    def __init__(
        self, connect: Connect, probe: str, on_return: Callable[[], Awaitable[None]]
    ) -> None:
        self._connect = connect
        self._probe = probe
        self._on_return = on_return
        self._connection: Connection | None = None
        self._up = False
        self._reaching: asyncio.Task[None] | None = None

    async def ask(self, operation: str, *command: Argument) -> Any:  # noqa: ANN401 any answer
        """What the cache answers.

        Raises:
            AwayError: when it does not.
            AnswerError: when something of another type is kept there, or a script is not known.
        """
        if not self._up or self._connection is None:
            raise AwayError
        began = perf_counter()
        try:
            return await self._connection.ask(command)
        except (AnswerError, OSError) as error:
            if is_about_the_key(error):
                raise
            self._lost(error)
            raise AwayError from error
        finally:
            duration(operation).observe(perf_counter() - began)

    async def converse(self, commands: Sequence[Command]) -> None:
        """Have commands carried out, whether or not the cache is in use. Raises anything."""
        if self._connection is None:
            raise AwayError
        asked = [self._connection.ask(command) for command in commands]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException) and not is_about_the_key(answer):
                raise answer

    async def __aenter__(self) -> Self:
        UP.set(0)
        self._reaching = asyncio.create_task(self._reach(), name="cache")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._up = False
        if self._reaching is not None:
            self._reaching.cancel()
            await asyncio.gather(self._reaching, return_exceptions=True)
        self._close()

    def _lost(self, error: Exception) -> None:
        if not self._up:  # Of questions that were under way, the first one is enough.
            return
        self._up = False
        UP.set(0)
        self._close()
        _log.warning("doing without the cache", extra={"reason": repr(error)})
        self._reaching = asyncio.create_task(self._reach(), name="cache")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _reach(self) -> None:
        """Until it answers. What is owed to it is delivered before anybody else asks."""
        tries = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._connection = await self._connect(self._lost)
                # A write: a server that was demoted answers to reads, with what it had then.
                await self.converse([("SET", self._probe, b"", "PX", 1)])
                await self._on_return()
            except Exception as error:  # noqa: BLE001 nothing about a cache is a reason for a 500
                self._close()
                if tries == 0:
                    _log.warning("the cache is not reached", extra={"reason": repr(error)})
                tries += 1
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 no secret
            else:
                self._up = True
                UP.set(1)
                _log.info("using the cache", extra={"tries": tries + 1})
                return


def is_about_the_key(error: BaseException) -> bool:
    """Whether the server is well: it keeps something of another type, or has no such script."""
    return isinstance(error, AnswerError) and error.code in ("WRONGTYPE", "NOSCRIPT")
