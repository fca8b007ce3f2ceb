"""A queue within one process: for tests, and for a local run without a broker.

It behaves as brokers do, with locks, delivery counts, delays, groups and dead letters, and differs
in one thing: it ends with the process.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, islice
from uuid import uuid4

from .memory_order import Entry, GroupOrder, Order, SendOrder
from .port import DeadLetter, LockLost, Message, OutgoingMessage, QueueStats

DEDUPLICATION_SECONDS = 300.0
"""As long as SQS remembers deduplication ids."""


@dataclass(frozen=True, slots=True)
class _Dead:
    entry: Entry
    reason: str
    description: str


class MemoryQueue:
    """See the port. Nothing is awaited between looking and acting, so no call sees half of another.

    `clock` gives UNIX seconds, for locks and for `sent_at`.
    """

    def __init__(
        self,
        lock_seconds: float,
        *,
        ordered: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lock_seconds = lock_seconds
        self.ordered = ordered
        self.clock = clock
        self._entries: dict[str, Entry] = {}
        self._order: Order = GroupOrder() if ordered else SendOrder()
        # Everything that waits for a moment: (moment, sequence, id). An entry whose moment has
        # been moved leaves the old line behind, which is skipped when its time comes.
        self._hidden: list[tuple[float, int, str]] = []
        self._sequence = count()
        self._dead: dict[str, _Dead] = {}
        self._seen: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """See Queue."""
        if any((message.group is None) == self.ordered for message in messages):
            raise ValueError("an ordered queue needs a group with each message, others take none")
        if self.ordered and any(message.delay_seconds for message in messages):
            raise ValueError("an ordered queue cannot delay a message without delaying its group")
        now = self.clock()
        for message in messages:
            if self._is_new(message.deduplication_id, now):
                self._add(Entry(uuid4().hex, next(self._sequence), message, now), now)
        self._changed.set()

    async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """See Queue."""
        deadline = self.clock() + wait_seconds
        while True:
            self._changed.clear()
            now = self.clock()
            self._reveal(now)
            entries = self._order.take(limit)
            if entries or now >= deadline:
                return [self._deliver(entry, now) for entry in entries]
            await self._until(min(deadline, self._hidden[0][0] if self._hidden else deadline) - now)

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """See Queue."""
        lost = []
        for message in messages:
            try:
                self._remove(self._owned(message))
            except LockLost:
                lost.append(message)
        self._changed.set()
        return lost

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """See Queue."""
        entry = self._owned(message)
        entry.receipt = None
        self._hide(entry, self.clock() + delay_seconds)
        self._changed.set()

    async def release(self, messages: Sequence[Message]) -> None:
        """See Queue."""
        for message in messages:
            entry = self._entries.get(message.id)
            if entry is not None and self._owns(entry, message):
                await self.retry(message, 0)

    async def extend(self, message: Message) -> None:
        """See Queue."""
        self._hide(self._owned(message), self.clock() + self.lock_seconds)

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """See Queue."""
        entry = self._owned(message)
        self._remove(entry)
        self._dead[entry.id] = _Dead(entry, reason, description)
        self._changed.set()

    async def stats(self) -> QueueStats:
        """See Queue."""
        now = self.clock()
        self._reveal(now)
        waiting = [entry for entry in self._entries.values() if entry.receipt is None]
        delayed = sum(entry.hidden_until is not None for entry in waiting)
        due = [entry.sent_at for entry in waiting if entry.hidden_until is None]
        return QueueStats(
            visible=len(due),
            in_flight=len(self._entries) - len(waiting),
            delayed=delayed,
            dead_letters=len(self._dead),
            oldest_age_seconds=now - min(due) if due else 0.0,
        )

    async def check(self) -> None:
        """See Queue: there is nothing that could be away."""

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """See Queue."""
        return [
            DeadLetter(
                id=entry.id,
                body=entry.message.body,
                attributes=entry.message.attributes,
                reason=dead.reason,
                description=dead.description,
                delivery_count=entry.deliveries,
                sent_at=entry.sent_at,
            )
            for dead in islice(self._dead.values(), limit)
            for entry in [dead.entry]
        ]

    async def redrive(self, limit: int) -> int:
        """See Queue."""
        chosen = list(islice(self._dead.values(), limit))
        for dead in chosen:
            del self._dead[dead.entry.id]
            old = dead.entry
            self._add(Entry(old.id, next(self._sequence), old.message, old.sent_at), self.clock())
        self._changed.set()
        return len(chosen)

    async def purge_dead_letters(self) -> int:
        """See Queue."""
        purged = len(self._dead)
        self._dead.clear()
        return purged

    async def close(self) -> None:
        """There is nothing to release."""

    async def _until(self, seconds: float) -> None:
        """Wait for a change, or for the moment when a message becomes visible."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _is_new(self, deduplication_id: str | None, now: float) -> bool:
        if deduplication_id is None or not self.ordered:
            return True
        while self._seen and next(iter(self._seen.values())) <= now:
            del self._seen[next(iter(self._seen))]
        if deduplication_id in self._seen:
            return False
        self._seen[deduplication_id] = now + DEDUPLICATION_SECONDS
        return True

    def _add(self, entry: Entry, now: float) -> None:
        self._entries[entry.id] = entry
        if entry.message.delay_seconds and not entry.deliveries:
            self._hide(entry, now + entry.message.delay_seconds)
        else:
            self._order.add(entry)

    def _hide(self, entry: Entry, until: float) -> None:
        entry.hidden_until = until
        heappush(self._hidden, (until, entry.sequence, entry.id))

    def _reveal(self, now: float) -> None:
        """What was hidden until now is deliverable: delays are over, locks have ended."""
        while self._hidden and self._hidden[0][0] <= now:
            moment, _, entry_id = heappop(self._hidden)
            entry = self._entries.get(entry_id)
            if entry is not None and entry.hidden_until == moment:
                entry.hidden_until = entry.receipt = None
                self._order.add(entry)

    def _deliver(self, entry: Entry, now: float) -> Message:
        entry.deliveries += 1
        entry.receipt = receipt = object()
        self._hide(entry, now + self.lock_seconds)
        return Message(
            id=entry.id,
            body=entry.message.body,
            attributes=entry.message.attributes,
            delivery_count=entry.deliveries,
            sent_at=entry.sent_at,
            receipt=receipt,
            group=entry.message.group,
        )

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.id]
        self._order.remove(entry)

    def _owned(self, message: Message) -> Entry:
        entry = self._entries.get(message.id)
        if entry is None or not self._owns(entry, message):
            raise LockLost(message.id)
        return entry

    def _owns(self, entry: Entry, message: Message) -> bool:
        """The latest delivery, and its lock has not ended."""
        until = entry.hidden_until
        return entry.receipt is message.receipt and until is not None and until > self.clock()
