"""The cache: entries that only get newer."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from math import inf
from time import monotonic
from typing import Any, Self

from ..database import Position
from ..settings import Settings
from .connection import AnswerError, Argument, Connection, connect, tls_of
from .credentials import open_credentials
from .entry import Entry, decode_entry, encode_date
from .link import AwayError, Link
from .metrics import OWED

_log = logging.getLogger(__name__)


class Script:
    """A script on one key: others may live on another server of a cluster."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


# A place in which there is something else counts as empty.
_KEPT = """
local kept = redis.pcall('GETRANGE', KEYS[1], 0, 16)
local date = type(kept) == 'string' and string.match(kept, '^(%x+)[vnt]$') or ''
"""
FILL = Script(f"""{_KEPT}
if #date == 16 and date > string.sub(ARGV[1], 1, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")
MARK = Script(f"""{_KEPT}
if #date < 16 or date < ARGV[1] then date = ARGV[1] end
redis.call('SET', KEYS[1], date .. 't', 'PX', ARGV[2])
""")

MOST_OWED = 10_000
"""A few megabytes. Beyond that marks are given up, and the cache is left alone until all entries
that they were for have come to their end."""

SPREAD = 0.1
"""Entries that were made together must not end together."""

BATCH = 100
"""Marks that are delivered together: well below a millisecond of work for the cache."""


class Cache:
    """`async with` it: until the end of the block it is used whenever it can be reached."""

    def __init__(self, settings: Settings, most_owed: int = MOST_OWED) -> None:
        self.settings = settings
        self.namespace = __name__.partition(".")[0]
        """Of all keys: one that no setting changes."""
        self._most_owed = most_owed
        self._credentials = credentials = open_credentials(settings)
        tls = tls_of(settings)

        async def connected(on_lost: Callable[[Exception], None]) -> Connection:
            return await connect(settings, credentials, tls, on_lost)

        self._link = Link(connected, f"{self.namespace}:probe", self._deliver)
        self._owed: dict[str, Position] = {}
        self._forgiven_at = -inf
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, key: str) -> Entry | None:
        """The entry, or None. Raises AwayError."""
        try:
            content = await self._link.ask("get", "GET", key)
        except AnswerError:
            return None  # Something of another type.
        return decode_entry(content) if content else None

    async def run(self, operation: str, script: Script, key: str, *arguments: Argument) -> Any:  # noqa: ANN401 any answer
        """What a script answers. Raises AwayError."""
        rest = (1, key, *arguments)
        try:
            try:
                return await self._link.ask(operation, "EVALSHA", script.digest, *rest)
            except AnswerError as error:
                if error.code != "NOSCRIPT":
                    raise
            return await self._link.ask(operation, "EVAL", script.source, *rest)
        except AnswerError as error:  # It met something of another type.
            raise AwayError from error

    async def fill(self, key: str, entry: Entry, seconds: float) -> None:
        """Keep an entry, unless there is a newer one. A cache that is away misses nothing."""
        with suppress(AwayError):
            await self.run("fill", FILL, key, entry.encode(), _milliseconds(seconds))

    async def mark(self, keys: Iterable[str], date: Position) -> None:
        """Something was written: nothing older than this counts under these keys.

        It happens even when the request that asked for it is cancelled meanwhile, and when the
        cache is away, as soon as it is back.
        """
        marks = {key: max(date, self._owed.pop(key, date)) for key in keys}
        self._owed |= marks
        for key in list(islice(self._owed, max(0, len(self._owed) - self._most_owed))):
            del self._owed[key]
            self._forgiven()
        OWED.set(len(self._owed))
        task = asyncio.create_task(self._mark_now(marks))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._owed:
            with suppress(Exception):
                await self._deliver()
        await self._link.__aexit__()
        if self._credentials is not None:
            await self._credentials.close()

    async def _mark_now(self, marks: Mapping[str, Position]) -> None:
        with suppress(AwayError):
            await asyncio.gather(
                *(self.run("mark", MARK, *self._mark(key, date)) for key, date in marks.items())
            )
            self._paid(marks)

    async def _deliver(self) -> None:
        """Everything that is owed. It returns at a moment when there is nothing more."""
        while self._owed:
            marks = dict(islice(self._owed.items(), BATCH))
            await self._link.converse(
                [("EVAL", MARK.source, 1, *self._mark(key, date)) for key, date in marks.items()]
            )
            self._paid(marks)
        if monotonic() - self._forgiven_at < self._longest_seconds:
            raise AwayError("more was written than could be remembered: old entries have to end")

    def _forgiven(self) -> None:
        now, seconds = monotonic(), self._longest_seconds
        if now - self._forgiven_at > seconds:
            _log.warning("more is written than can be remembered", extra={"away_seconds": seconds})
        self._forgiven_at = now

    def _mark(self, key: str, date: Position) -> tuple[str, bytes, int]:
        return key, encode_date(date), _milliseconds(self._mark_seconds)

    def _paid(self, marks: Mapping[str, Position]) -> None:
        for key, date in marks.items():
            if self._owed.get(key) == date:
                del self._owed[key]
        OWED.set(len(self._owed))

    @property
    def _longest_seconds(self) -> float:
        """How long an entry may live."""
        settings = self.settings
        longest = max(settings.cache_ttl_seconds, settings.cache_negative_ttl_seconds)
        return longest * (1 + SPREAD)

    @property
    def _mark_seconds(self) -> float:
        """Longer than anybody may hold what he has read before the write: a replica that lags as
        much as it may, read by a request that takes as long as it may. Twice, for what is late."""
        settings = self.settings
        return 2 * (settings.database_max_replica_lag_seconds + settings.request_timeout_seconds)


def open_cache(settings: Settings) -> Cache | None:
    """The cache that the settings name, if they do; it neither waits nor fails."""
    return Cache(settings) if settings.cache_host else None


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
