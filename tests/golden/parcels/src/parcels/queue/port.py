"""The transport port: what the service needs from a queue, whoever provides it.

Delivery is at least once. Whoever receives a message owns it for `lock_seconds`; then it comes back
with a higher delivery count, unless it was completed, or extended, before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

RESERVED_BYTES = 2048
"""Of the largest message, for what brokers and adapters add: types of attributes (six bytes each on
SQS), AMQP's headers, what a retry's copy says of the first send, the reason of a dead letter."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message on its way into the queue."""

    body: bytes
    """UTF-8 JSON."""
    attributes: Mapping[str, str]
    """At most ten, which is what SQS carries."""
    delay_seconds: float = 0.0
    """Not delivered before. SQS allows 900 at most; ordered queues allow none."""
    group: str | None = None
    """Ordered queues only, and required there: messages of one group are handled one by one."""
    deduplication_id: str | None = None
    """Ordered queues only: a second message with the same id within minutes is dropped."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received and is ours until the lock ends."""

    id: str
    """The same at every delivery."""
    body: bytes
    attributes: Mapping[str, str]
    delivery_count: int
    """1 on the first delivery."""
    sent_at: float
    """UNIX seconds of the first send."""
    receipt: object
    """The adapter's own."""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    id: str
    body: bytes
    attributes: Mapping[str, str]
    reason: str
    description: str
    delivery_count: int
    sent_at: float


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How much lies in the queue. None: this broker, or these permissions, do not tell."""

    visible: int | None = None
    in_flight: int | None = None
    delayed: int | None = None
    dead_letters: int | None = None
    oldest_age_seconds: float | None = None
    """Age of the oldest message that waits; 0 when none does."""


class LockLost(Exception):  # noqa: N818 an event more than an error: someone else owns it now
    """The message is no longer ours: its lock ended and it may be with another worker."""


class BrokerUnavailable(Exception):  # noqa: N818 says what is wrong, and "Error" adds nothing
    """The broker did not answer, or refused us; the same call may work later."""


class Queue(Protocol):
    """One queue and its dead letters. Every method may raise BrokerUnavailable."""

    @property
    def lock_seconds(self) -> float:
        """How long a received message stays invisible to others."""
        ...

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Put messages into the queue, all of them or raise; ValueError for what it refuses."""
        ...

    async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Up to `limit` messages, as soon as there is one; none when the wait is over.

        Adapters may return fewer than there are. Of a group there is one at a time: those behind it
        would have to be given back whenever it fails, and brokers count that as attempts of theirs.
        Cancelling it loses no message.
        """
        ...

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """Remove messages that are done; returns those that were not ours any more, themselves."""
        ...

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """Give a message back, to be delivered after the delay; counts as an attempt. LockLost.

        ValueError where a copy takes its place, and the broker refuses that.
        """
        ...

    async def release(self, messages: Sequence[Message]) -> None:
        """Give messages back at once. One that is not ours any more is back already."""
        ...

    async def extend(self, message: Message) -> None:
        """Make the lock end `lock_seconds` from now. LockLost."""
        ...

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """Move a message to the dead letters. LockLost."""
        ...

    async def stats(self) -> QueueStats:
        """How much lies in the queue."""
        ...

    async def check(self) -> None:
        """Returns when the queue can be reached."""
        ...

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Look at dead letters, oldest first where the broker knows; they stay where they are."""
        ...

    async def redrive(self, limit: int) -> int:
        """Put up to `limit` dead letters back into the queue, their count of attempts reset.

        Each of them once: one that is given up again meanwhile stays where it is.
        """
        ...

    async def purge_dead_letters(self) -> int:
        """Delete all dead letters; returns how many."""
        ...

    async def close(self) -> None:
        """Release connections. What was received and not settled comes back when its lock ends."""
        ...
