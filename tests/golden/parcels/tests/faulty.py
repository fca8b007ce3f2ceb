"""A queue and a store that fail when they are told to."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from parcels.idempotency_keys import (
    Claimed,
    MemoryIdempotencyStore,
)
from parcels.queue import BrokerUnavailable, Message
from parcels.queue.memory import MemoryQueue


class Faults:
    """How often each operation still fails, and with what."""

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self.error: Exception = BrokerUnavailable("it is away")
        self.calls: Counter[str] = Counter()

    def meet(self, operation: str) -> None:
        """Fail, if this call is to fail."""
        self.calls[operation] += 1
        if self.left[operation] > 0:
            self.left[operation] -= 1
            raise self.error


class FaultyQueue(MemoryQueue):
    """The in-process queue behind a bad connection."""

    def __init__(self, lock_seconds: float, **options: Any) -> None:  # noqa: ANN401 passed on
        super().__init__(lock_seconds, **options)
        self.faults = Faults()

    async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """See Queue."""
        self.faults.meet("receive")
        return await super().receive(limit, wait_seconds)

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """See Queue."""
        self.faults.meet("complete")
        return await super().complete(messages)

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """See Queue."""
        self.faults.meet("retry")
        await super().retry(message, delay_seconds)

    async def extend(self, message: Message) -> None:
        """See Queue."""
        self.faults.meet("extend")
        await super().extend(message)

    async def release(self, messages: Sequence[Message]) -> None:
        """See Queue."""
        self.faults.meet("release")
        await super().release(messages)

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """See Queue."""
        self.faults.meet("dead_letter")
        await super().dead_letter(message, reason, description)

    async def check(self) -> None:
        """See Queue."""
        self.faults.meet("check")


class FaultyStore(MemoryIdempotencyStore):
    """The store in memory behind a bad connection."""

    def __init__(self, keep_seconds: float, **options: Any) -> None:  # noqa: ANN401 passed on
        super().__init__(keep_seconds, **options)
        self.faults = Faults()

    async def claim(self, key: str, owner: str, lease_seconds: float) -> Claimed:
        """See IdempotencyStore."""
        self.faults.meet("claim")
        return await super().claim(key, owner, lease_seconds)

    async def finish(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        await asyncio.sleep(0)  # As over a network: a moment to be cancelled in.
        self.faults.meet("finish")
        await super().finish(key, owner)

    async def release(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        self.faults.meet("release")
        await super().release(key, owner)
