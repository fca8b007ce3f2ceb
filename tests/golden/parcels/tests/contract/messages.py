"""Sends messages that a test recognises as its own, and receives them."""

import asyncio
import time
from uuid import uuid4

from parcels.queue import Message, OutgoingMessage, Queue

PATIENCE = 60.0
"""Seconds until a message counts as lost: generous, because machines are busy."""
TEST = "test"


class Messages:
    """The messages of one test."""

    def __init__(self, queue: Queue, *, ordered: bool) -> None:
        self.queue = queue
        self.ordered = ordered
        self.test = uuid4().hex

    def outgoing(self, text: str, group: str | None = None, **attributes: str) -> OutgoingMessage:
        """A message with this text as its body."""
        own_group = (group or uuid4().hex) if self.ordered else None
        own = {TEST: self.test, **attributes}
        return OutgoingMessage(text.encode(), own, group=own_group)

    async def send(self, *texts: str, group: str | None = None) -> None:
        """Send one message for each text."""
        await self.queue.send([self.outgoing(text, group) for text in texts])

    async def some(self, limit: int = 10, wait_seconds: float = 1) -> list[Message]:
        """One receive. What is left of other tests is completed."""
        received = await self.queue.receive(limit, wait_seconds)
        foreign = [each for each in received if each.attributes.get(TEST) != self.test]
        if foreign:
            await self.queue.complete(foreign)
        return [each for each in received if each not in foreign]

    async def take(self, number: int) -> list[Message]:
        """Receive until there are this many."""
        taken: list[Message] = []
        deadline = time.monotonic() + PATIENCE
        while len(taken) < number:
            assert time.monotonic() < deadline, f"{len(taken)} of {number} messages came"
            taken += await self.some(number - len(taken), 5)
        return taken

    async def one(self) -> Message:
        """The next message."""
        (message,) = await self.take(1)
        return message

    async def none_within(self, seconds: float) -> None:
        """Nothing of this test can be received for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            assert await self.some(10, min(left, 1)) == []

    async def lock_ends(self) -> None:
        """Wait until what was received a moment ago is visible again."""
        await asyncio.sleep(self.queue.lock_seconds + 0.3)

    def bodies(self, received: list[Message]) -> list[str]:
        """Their texts."""
        return [each.body.decode() for each in received]
