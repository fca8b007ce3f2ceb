"""A connection to Redis or Valkey: any number of questions at a time, answered in their order.

hiredis speaks the protocol, in C. redis-py adds a pool, retries and a limit of time for each
command, but the link has one connection, one way to try again and one limit for all. So a question
that is alone costs 18 microseconds of CPU here instead of 150.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

import hiredis

from ..settings import Settings
from .credentials import Credentials

Argument: TypeAlias = bytes | str | int | float
Command: TypeAlias = tuple[Argument, ...]

CONNECT_SECONDS = 2.0
"""Address, TCP, TLS and login take 10 ms within a region; this allows for a lost packet."""


class AnswerError(Exception):
    """The server answers that it cannot or will not."""

    @property
    def code(self) -> str:
        """The first word, which says what kind of refusal it is."""
        return str(self).partition(" ")[0]


class _Question(NamedTuple):
    asked: float
    answer: "asyncio.Future[Any]"


class Connection(asyncio.Protocol):
    """Made by `connect`.

    Args:
        on_lost: Told once why it is no more, unless it was closed from here.
    """

    def __init__(self, on_lost: Callable[[Exception], None]) -> None:
        self._seconds = CONNECT_SECONDS
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=AnswerError)
        self._questions: deque[_Question] = deque()
        self._on_lost = on_lost
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def ask(self, command: Command) -> "asyncio.Future[Any]":
        """The answer to come. It raises AnswerError, or ConnectionError."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._transport is None:
            answer.set_exception(ConnectionError("closed"))
            return answer
        self._questions.append(_Question(self._loop.time(), answer))
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type] # of any size
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        return answer

    def limit(self, seconds: float) -> None:
        """How long an answer may take from now on, when nobody waits for one.

        A connection on which one takes longer is closed.
        """
        self._seconds = seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Whoever still waits is told that it is closed."""
        self._end(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        # That is what TCP and TLS give; those of uvloop have no base class to be told by.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        try:
            self._reader.feed(data)
            while (content := self._reader.gets()) is not False:
                answer = self._questions.popleft().answer
                if answer.done():
                    continue  # Whoever asked has been cancelled.
                if isinstance(content, AnswerError):
                    answer.set_exception(content)
                else:
                    answer.set_result(content)
        except (hiredis.ProtocolError, IndexError) as error:  # It speaks another protocol.
            self._end(ConnectionError(repr(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._end(exc or ConnectionError("closed by the server"))

    def _look(self) -> None:
        """The one timer of all questions: for the oldest.

        When this process was held up, the loop reads what has arrived before it comes to timers.
        """
        self._timer = None
        if not self._questions:
            return
        left = self._questions[0].asked + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._end(TimeoutError(f"no answer within {self._seconds:g} s"))

    def _end(self, error: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport.abort()
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        while self._questions:
            answer = self._questions.popleft().answer
            if not answer.done():
                answer.set_exception(error or ConnectionError("closed"))
        if error is not None:
            self._on_lost(error)


async def connect(
    settings: Settings,
    credentials: Credentials | None,
    tls: ssl.SSLContext | None,
    on_lost: Callable[[Exception], None],
) -> Connection:
    """A connection that is logged in. Raises anything."""
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(on_lost), settings.cache_host, settings.cache_port, ssl=tls
    )
    try:
        if credentials is not None:
            await connection.ask(("AUTH", *await credentials.login()))
        # So that its server tells whose it is.
        await connection.ask(("CLIENT", "SETNAME", settings.otel_service_name))
    except BaseException:
        connection.close()
        raise
    connection.limit(settings.cache_timeout_seconds)
    return connection


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """A certificate of an authority we trust, for the name that we ask for; None without TLS.

    Made once: it takes 10 ms to load, and everything waits for it.
    """
    if not settings.cache_tls:
        return None
    return ssl.create_default_context(cafile=settings.cache_ca_file or None)
