"""The dead-letter queue on SQS.

SQS has no peek: whoever looks receives, and gives back. StartMessageMoveTask could redrive, but it
moves everything there is, keeps our reason among the attributes, and emulators do not have it.
"""

import math
from typing import TYPE_CHECKING

from .port import DeadLetter, OutgoingMessage
from .sqs_calls import SqsCalls
from .sqs_messages import decode_dead_letter, encode, message_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from types_aiobotocore_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 120
"""While the admin command reads or moves dead letters; it may be stopped halfway."""
WAIT_SECONDS = 1
"""Until the queue counts as empty; any wait at all makes SQS ask all of its servers."""


class SqsDeadLetters:
    """Dead letters: added by workers, looked at and moved by the admin command."""

    def __init__(self, calls: SqsCalls, url: str, *, ordered: bool) -> None:
        self._calls = calls
        self._url = url
        self._ordered = ordered

    async def add(self, letter: OutgoingMessage) -> None:
        """Add one, with the reason among its attributes."""
        await self._calls.send(self._url, [encode(letter, ordered=self._ordered)])

    async def count(self) -> int:
        """How many there are, roughly; those that somebody looks at included."""
        return sum(await self._calls.counts(self._url))

    async def look(self, limit: int) -> list[DeadLetter]:
        """Receive up to `limit`, and give them back at the end."""
        found: list[MessageTypeDef] = []
        try:
            async for batch in self._batches(limit):
                found += batch
        finally:
            await self._calls.show(self._url, [_handle(each) for each in found])
        return [decode_dead_letter(each) for each in found]

    async def move(self, limit: int, url: str) -> int:
        """Send up to `limit` to a queue as new messages, then delete them, by the ten.

        One that a worker gives up again meanwhile is found here again. The id of its message tells,
        and it is held back until the end: one that cannot succeed would go round for ever.
        """
        moved, sent = 0, set[str]()
        held: list[str] = []
        try:
            while moved < limit:
                left = limit - moved
                found = await self._calls.receive(self._url, left, WAIT_SECONDS, HIDDEN_SECONDS)
                if not found:
                    break
                held += [_handle(each) for each in found]
                chosen = [each for each in found if message_id(each) not in sent]
                copies = [encode(_as_sent(each), ordered=self._ordered) for each in chosen]
                sent |= await self._calls.send(url, copies)
                handles = [_handle(each) for each in chosen]
                # One that ran out stays, and comes up again.
                await self._calls.delete(self._url, handles)
                held = [each for each in held if each not in handles]
                moved += len(chosen)
        finally:
            await self._calls.show(self._url, held)
        return moved

    async def purge(self) -> int:
        """Delete all of them; returns how many."""
        purged = 0
        async for batch in self._batches(math.inf):
            await self._calls.delete(self._url, [_handle(each) for each in batch])
            purged += len(batch)
        return purged

    async def _batches(self, limit: float) -> "AsyncIterator[list[MessageTypeDef]]":
        left = limit
        while left > 0:
            found = await self._calls.receive(self._url, left, WAIT_SECONDS, HIDDEN_SECONDS)
            if not found:
                return
            left -= len(found)
            yield found


def _handle(found: "MessageTypeDef") -> str:
    return found.get("ReceiptHandle", "")


def _as_sent(found: "MessageTypeDef") -> OutgoingMessage:
    letter = decode_dead_letter(found)
    return OutgoingMessage(
        body=letter.body,
        attributes=letter.attributes,
        group=found.get("Attributes", {}).get("MessageGroupId"),
        # The dead letter's own id: when a redrive crashes before the delete and is repeated, a FIFO
        # queue drops the copy; the next dead letter of this message has another id.
        deduplication_id=found.get("MessageId"),
    )
