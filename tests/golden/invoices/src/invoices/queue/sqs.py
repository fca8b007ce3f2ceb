"""The queue on Amazon SQS.

What SQS does its own way:

* A receive counts, also when the message is given back at once: the queue's `maxReceiveCount` is
  only the backstop for workers that die, far above the attempts of the retry policy.
* It hides a message for whole seconds, twelve hours in all.
* It accepts a delete with an old receipt, and answers that it worked. Whether a message is still
  ours is therefore judged by our own clock first, then by the answer.
* The age of the oldest message is known to CloudWatch alone: an alarm there watches it.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress

from .port import BrokerUnavailable, DeadLetter, LockLost, Message, OutgoingMessage, QueueStats
from .sqs_calls import SqsCalls
from .sqs_dead_letters import SqsDeadLetters
from .sqs_messages import Receipt, dead_letter_attributes, decode, encode

CLOSE_SECONDS = 2
"""For polls that were cancelled to finish; they share the pod's grace period with the tasks."""


class SqsQueue:
    """A queue and its dead-letter queue."""

    def __init__(self, url: str, dead_letter_url: str, lock_seconds: float, region: str) -> None:
        self.lock_seconds = math.ceil(lock_seconds)
        self._url = url
        self._ordered = url.endswith(".fifo")
        self._calls = SqsCalls(region)
        self._dead_letters = SqsDeadLetters(self._calls, dead_letter_url, ordered=self._ordered)
        self._abandoned: set[asyncio.Task[None]] = set()

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Send all of them, or raise; some may have been sent then."""
        entries = [encode(message, ordered=self._ordered) for message in messages]
        await self._calls.send(self._url, entries)

    async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Up to ten messages, as soon as there is one; of an ordered queue one at a time.

        SQS fills an answer with messages of one group where it can, so there a message is asked for
        at a time: the group is then closed, and the next call gives one of another.

        A cancelled poll goes on in the background and gives back what it gets: torn off, SQS would
        hide its messages from everybody until the visibility timeout. Closing the queue waits for
        it CLOSE_SECONDS; a poll that takes longer is torn off all the same.
        """
        poll = asyncio.create_task(self._poll(limit, wait_seconds))
        try:
            return await asyncio.shield(poll)
        except asyncio.CancelledError:
            giving_back = asyncio.create_task(self._give_back(poll))
            self._abandoned.add(giving_back)
            giving_back.add_done_callback(self._abandoned.discard)
            raise

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete them; those that ran out are left to whoever has them now."""
        held = {_receipt(each).handle: each for each in messages if not _receipt(each).expired}
        lost = await self._calls.delete(self._url, list(held))
        expired = [each for each in messages if _receipt(each).handle not in held]
        for message in held.values():
            _receipt(message).give_up()
        return expired + [held[handle] for handle in lost]

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """Hide it for this long, rounded up to whole seconds."""
        await self._hide(message, _receipt(message).seconds_left(delay_seconds))
        _receipt(message).give_up()

    async def release(self, messages: Sequence[Message]) -> None:
        """Show them to everybody again; one that ran out already is visible."""
        receipts = [_receipt(each) for each in messages if not _receipt(each).expired]
        await self._calls.show(self._url, [receipt.handle for receipt in receipts])
        for receipt in receipts:
            receipt.give_up()

    async def extend(self, message: Message) -> None:
        """Hide it for the full time from now on, within the twelve hours it may be hidden."""
        seconds = _receipt(message).seconds_left(self.lock_seconds)
        if not seconds:
            raise LockLost(f"message {message.id} was held for as long as SQS allows")
        await self._hide(message, seconds)

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """Copy it to the dead-letter queue with the reason, then delete it.

        In this order nothing is lost. A crash in between leaves a copy too many, which a FIFO
        dead-letter queue recognises by its deduplication id.
        """
        if _receipt(message).expired:
            raise LockLost(f"message {message.id} ran out before it was set aside")
        copy = OutgoingMessage(
            body=message.body,
            attributes=dead_letter_attributes(message, reason, description),
            group=message.group,
            deduplication_id=message.id,
        )
        await self._dead_letters.add(copy)
        if await self.complete([message]):
            raise LockLost(f"message {message.id} ran out while it was set aside")

    async def stats(self) -> QueueStats:
        """Counts that SQS calls approximate: right again about a minute after the last change."""
        own, dead = await asyncio.gather(self._calls.counts(self._url), self._dead_letters.count())
        visible, in_flight, delayed = own
        return QueueStats(
            visible=visible,
            in_flight=in_flight,
            delayed=delayed,
            dead_letters=dead,
            oldest_age_seconds=None if any(own) else 0.0,
        )

    async def check(self) -> None:
        """Ask for the counts: cheap, and whoever receives may."""
        await self._calls.counts(self._url)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Look at dead letters; of an ordered queue, a group shows its first ten only."""
        return await self._dead_letters.look(limit)

    async def redrive(self, limit: int) -> int:
        """Send dead letters to the queue as new messages, then delete them; each of them once."""
        return await self._dead_letters.move(limit, self._url)

    async def purge_dead_letters(self) -> int:
        """Delete dead letters one by one: PurgeQueue takes a minute and does not say how many."""
        return await self._dead_letters.purge()

    async def close(self) -> None:
        """Give polls that were cancelled a moment to finish, then drop the connections."""
        if self._abandoned:
            _, unfinished = await asyncio.wait(self._abandoned, timeout=CLOSE_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await self._calls.close()

    async def _poll(self, limit: int, wait_seconds: float) -> list[Message]:
        hidden = self.lock_seconds
        number = 1 if self._ordered else limit
        found = await self._calls.receive(self._url, number, wait_seconds, hidden)
        return [decode(each, hidden) for each in found]

    async def _give_back(self, poll: "asyncio.Task[list[Message]]") -> None:
        # Out of reach, the messages come back by themselves after the visibility timeout.
        with suppress(BrokerUnavailable):
            await self.release(await poll)

    async def _hide(self, message: Message, seconds: int) -> None:
        receipt = _receipt(message)
        if receipt.expired:
            raise LockLost(f"message {message.id} ran out")
        asked_at = time.monotonic()
        await self._calls.hide(self._url, receipt.handle, seconds)
        receipt.hidden_until = asked_at + seconds


def _receipt(message: Message) -> Receipt:
    assert isinstance(message.receipt, Receipt)  # noqa: S101 narrows: messages of ours have one
    return message.receipt
