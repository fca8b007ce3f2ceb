"""The cache: entries that only get newer."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..database import Position
from ..settings import Settings
from .connection import CONNECT_SECONDS, open_redis
from .entry import Entry, decode_entry, encode_date
from .link import AwayError, Link, is_about_the_key
from .metrics import OWED

# A place in which there is something else counts as empty.
_KEPT = """
local kept = redis.pcall('GETRANGE', KEYS[1], 0, 16)
local date = type(kept) == 'string' and string.match(kept, '^(%x+)[vnt]$') or ''
"""
FILL = f"""{_KEPT}
if #date == 16 and date > string.sub(ARGV[1], 1, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
MARK = f"""{_KEPT}
if #date < 16 or date < ARGV[1] then date = ARGV[1] end
redis.call('SET', KEYS[1], date .. 't', 'PX', ARGV[2])
"""

MOST_OWED = 10_000
"""A few megabytes. When the cache is away for longer than that takes, the oldest marks are given
up: the entries they are for have come to the end of their time, or will soon."""

BATCH = 100
"""Marks that are sent together: a few milliseconds of work."""


class Cache:
    """`async with` it: until the end of the block it is used whenever it can be reached."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.settings = settings
        self._redis = redis
        self._fill = redis.register_script(FILL)
        self._mark = redis.register_script(MARK)
        probe = f"{settings.otel_service_name}:probe"
        self._link = Link(redis, probe, settings.cache_timeout_seconds, self._deliver)
        self._owed: dict[str, Position] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, key: str) -> Entry | None:
        """The entry, or None. Raises AwayError."""
        try:
            content = await self._link.ask("get", lambda redis: redis.get(key))
        except RedisError as error:
            if is_about_the_key(error):
                return None
            raise
        return decode_entry(content) if isinstance(content, bytes) else None

    async def fill(self, key: str, entry: Entry, seconds: float) -> None:
        """Keep an entry, unless there is a newer one. A cache that is away misses nothing."""
        content, milliseconds = entry.encode(), _milliseconds(seconds)
        with suppress(AwayError):
            await self._link.ask("fill", lambda _: self._fill([key], [content, milliseconds]))

    async def mark(self, keys: Iterable[str], date: Position) -> None:
        """Something was written: nothing older than this counts under these keys.

        It happens even when the request that asked for it is cancelled meanwhile, and when the
        cache is away, as soon as it is back.
        """
        for key in keys:
            self._owed[key] = max(date, self._owed.pop(key, date))
        for key in list(islice(self._owed, max(0, len(self._owed) - MOST_OWED))):
            del self._owed[key]
        OWED.set(len(self._owed))
        task = asyncio.create_task(self._mark_now())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._owed:
            with suppress(RedisError, OSError, TimeoutError):
                await self._deliver()
        await self._link.__aexit__()

    async def _mark_now(self) -> None:
        with suppress(AwayError):
            await self._link.ask("mark", lambda _: self._send(dict(self._owed)))

    async def _deliver(self) -> None:
        """Everything that is owed. It returns at a moment when there is nothing more."""
        while self._owed:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._send(dict(islice(self._owed.items(), BATCH)))

    async def _send(self, marks: Mapping[str, Position]) -> None:
        milliseconds = _milliseconds(self._mark_seconds)
        # One by one: keys may live on different servers of a cluster, and a script on one only.
        await asyncio.gather(
            *(self._mark([key], [encode_date(date), milliseconds]) for key, date in marks.items())
        )
        for key, date in marks.items():
            if self._owed.get(key) == date:
                del self._owed[key]
        OWED.set(len(self._owed))

    @property
    def _mark_seconds(self) -> float:
        """Longer than anybody may hold what he has read before the write: a replica that lags as
        much as it may, read by a request that takes as long as it may. Twice, for what is late."""
        settings = self.settings
        return 2 * (settings.database_max_replica_lag_seconds + settings.request_timeout_seconds)


def open_cache(settings: Settings) -> Cache | None:
    """The cache that the settings name, if they do; it neither waits nor fails."""
    return Cache(settings, open_redis(settings)) if settings.cache_host else None


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
