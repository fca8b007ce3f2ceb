"""Remembers who wrote what last, for clients that do not send their Consistency-Token back."""

import time
from collections import OrderedDict
from typing import Protocol

from ..settings import Settings
from .position import ANYWHERE, Position
from .watch import INTERVAL_SECONDS

CALLERS = 10_000
"""Two megabytes. The oldest is forgotten first, and then reads what replicas have."""


class RecentWrites(Protocol):
    """The last position of each caller."""

    async def note(self, caller: str, position: Position) -> None:
        """This caller has just written. It must not raise: the write is done."""
        ...

    async def of(self, caller: str) -> Position:
        """What this caller must be able to see; ANYWHERE when nothing is known."""
        ...


class MemoryOfWrites:
    """In this process: a caller that comes back to another replica of the service is not known.

    The time is bounded: a replica that lags more than the limit is not read from at all, so a
    write older than that is on every replica that is.
    """

    def __init__(self, seconds: float, callers: int = CALLERS) -> None:
        self._seconds = seconds
        self._callers = callers
        self._last: OrderedDict[str, tuple[float, Position]] = OrderedDict()

    async def note(self, caller: str, position: Position) -> None:
        """See RecentWrites."""
        known = await self.of(caller)
        self._last[caller] = (time.monotonic() + self._seconds, max(known, position))
        self._last.move_to_end(caller)
        if len(self._last) > self._callers:
            self._last.popitem(last=False)

    async def of(self, caller: str) -> Position:
        """See RecentWrites."""
        expires, position = self._last.get(caller, (0.0, ANYWHERE))
        if expires > time.monotonic():
            return position
        self._last.pop(caller, None)
        return ANYWHERE


def remember_seconds(settings: Settings) -> float:
    """After this time a write is on every replica that is read from.

    One that lags more than the limit is out after the next look at the primary and one at the
    replica, each late by one at most.
    """
    return settings.database_max_replica_lag_seconds + 4 * INTERVAL_SECONDS
