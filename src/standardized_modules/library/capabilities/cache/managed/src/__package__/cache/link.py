"""The way to the cache, which may be away at any time."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Self, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from .connection import CONNECT_SECONDS, CONNECTIONS
from .metrics import UP, duration

Argument: TypeAlias = bytes | str | int | float
Command: TypeAlias = tuple[Argument, ...]

PAUSE_SECONDS = 1.0
"""Between two attempts to reach it. Nobody waits for them."""

BATCH = 100
"""Commands that are sent together, at most: well below a millisecond of work for the cache."""

_log = logging.getLogger(__name__)


class AwayError(Exception):
    """The cache does not answer, or not in time, or not as a cache should."""


class Link:
    """Asks the cache as long as it answers.

    The first fault ends that: what another request would learn by waiting is known already. Then a
    task tries to reach it, with new connections, because the name may lead elsewhere after a
    failover. So no request ever waits for a connection to a cache that is away.

    What is asked while every connection waits for an answer is sent together with the next
    question: the busier the service, the less a question costs. For a client library most of the
    work is the round trip, not the command.

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
        self._waiting: deque[tuple[Command, asyncio.Future[Any]]] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._reaching: asyncio.Task[None] | None = None

    async def ask(self, operation: str, *command: Argument) -> Any:  # noqa: ANN401 any answer
        """What the cache answers.

        Raises:
            AwayError: when it does not.
            ResponseError: when something of another type is kept there, or a script is not known.
        """
        if not self._up:
            raise AwayError
        began = perf_counter()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if len(self._senders) < CONNECTIONS:
            sender = asyncio.create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        try:
            return await answer
        finally:
            duration(operation).observe(perf_counter() - began)

    async def converse(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in one round trip, whether or not the cache is in use. Raises anything."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not is_about_the_key(answer):
                raise answer
        return answers

    async def __aenter__(self) -> Self:
        UP.set(0)
        self._reaching = asyncio.create_task(self._reach(), name="cache")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._up = False
        tasks = [task for task in (self._reaching, *self._senders) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._give_up()

    async def _send(self) -> None:
        """Send what waits, until nothing does."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            answers: list[Any] = []
            try:
                async with asyncio.timeout(self._seconds):
                    answers = await self.converse([command for command, _ in batch])
            except Exception as error:  # noqa: BLE001 nothing about a cache is a reason for a 500
                self._lost(error)
            finally:
                answers += [AwayError() for _ in batch[len(answers) :]]
                for (_, future), answer in zip(batch, answers, strict=True):
                    _settle(future, answer)

    def _lost(self, error: Exception) -> None:
        if self._up:  # Of conversations that were under way, the first one is enough.
            self._up = False
            UP.set(0)
            _log.warning("doing without the cache", extra={"reason": repr(error)})
            self._reaching = asyncio.create_task(self._reach(), name="cache")
        self._give_up()

    def _give_up(self) -> None:
        while self._waiting:
            _settle(self._waiting.popleft()[1], AwayError())

    async def _reach(self) -> None:
        """Until it answers. What is owed to it is delivered before anybody else asks."""
        tries = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._redis.connection_pool.disconnect()
                    # A write: a server that was demoted answers to reads, with what it had then.
                    await self.converse([("SET", self._probe, b"", "PX", 1)])
                await self._on_return()
            except Exception as error:  # noqa: BLE001 whatever it is, there will be another try
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
    """Whether the server is well: it keeps something of another type, or has no such script."""
    wrong_type = isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE")
    return wrong_type or isinstance(error, NoScriptError)


def _settle(future: asyncio.Future[Any], answer: object) -> None:
    if future.done():  # Whoever asked has been cancelled.
        return
    if isinstance(answer, AwayError | RedisError):
        future.set_exception(answer)
    else:
        future.set_result(answer)
