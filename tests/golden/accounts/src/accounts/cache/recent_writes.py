"""Remembers who wrote what last, for all replicas of the service; see database/recent_writes.py."""

from ..database import ANYWHERE, Position
from ..database.recent_writes import MemoryOfWrites, remember_seconds
from ..settings import Settings
from .cache import Cache
from .entry import Entry
from .link import AwayError


class SharedWrites:
    """See RecentWrites. A cache that is away leaves what this process knows by itself."""

    def __init__(self, cache: Cache, seconds: float) -> None:
        self._cache = cache
        self._seconds = seconds
        self._own = MemoryOfWrites(seconds)
        self._prefix = f"{cache.namespace}:writes:"

    async def note(self, caller: str, position: Position) -> None:
        """See RecentWrites."""
        await self._own.note(caller, position)
        await self._cache.fill(self._prefix + caller, Entry(position, "mark"), self._seconds)

    async def of(self, caller: str) -> Position:
        """See RecentWrites."""
        own = await self._own.of(caller)
        try:
            entry = await self._cache.read(self._prefix + caller)
        except AwayError:
            return own
        return max(own, entry.date if entry else ANYWHERE)


def open_shared_writes(settings: Settings, cache: Cache | None) -> SharedWrites | None:
    """None where there is nothing to remember: without replicas the primary answers everybody."""
    if cache is None or not settings.database_replica_hosts:
        return None
    return SharedWrites(cache, remember_seconds(settings))
