"""Which message of the in-process queue is next: first come, or first come within each group."""

from bisect import insort
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from .port import OutgoingMessage


@dataclass(slots=True, eq=False)
class Entry:
    """A message in the queue, and where it stands."""

    id: str
    sequence: int
    message: OutgoingMessage
    sent_at: float
    deliveries: int = 0
    hidden_until: float | None = None
    receipt: object | None = None
    """Of the latest delivery, while somebody may own it."""


class Order(Protocol):
    """The messages that may be delivered."""

    def add(self, entry: Entry) -> None:
        """The entry is deliverable, for the first time or again."""
        ...

    def take(self, limit: int) -> list[Entry]:
        """Up to `limit` entries to deliver now."""
        ...

    def remove(self, entry: Entry) -> None:
        """A delivered entry is gone."""
        ...


class SendOrder:
    """First come, first served; what comes back queues up behind the rest."""

    def __init__(self) -> None:
        self._ready: deque[Entry] = deque()

    def add(self, entry: Entry) -> None:
        """See Order."""
        self._ready.append(entry)

    def take(self, limit: int) -> list[Entry]:
        """See Order."""
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def remove(self, entry: Entry) -> None:
        """See Order: a delivered entry is not in here."""


class GroupOrder:
    """A group is blocked while one of its messages is delivered and neither done nor back."""

    def __init__(self) -> None:
        self._ready: dict[str, list[Entry]] = {}
        self._away: set[str] = set()

    def add(self, entry: Entry) -> None:
        """See Order. What comes back goes to where it was."""
        if entry.deliveries:
            self._away.discard(_group(entry))
        insort(self._ready.setdefault(_group(entry), []), entry, key=lambda each: each.sequence)

    def take(self, limit: int) -> list[Entry]:
        """See Order."""
        free = (group for group in self._ready if group not in self._away)
        taken = [self._ready[group].pop(0) for group in islice(free, limit)]
        for group in map(_group, taken):
            self._away.add(group)
            if not self._ready[group]:
                del self._ready[group]
        return taken

    def remove(self, entry: Entry) -> None:
        """See Order."""
        self._away.discard(_group(entry))


def _group(entry: Entry) -> str:
    return entry.message.group or ""
