"""The dead-letter queue on SQS.

SQS has no peek: whoever looks receives, and gives back. StartMessageMoveTask could redrive, but it
moves everything there is, keeps our reason among the attributes, and emulators do not have it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from .port import DeadLetter, OutgoingMessage
from .sqs_calls import SqsCalls
from .sqs_messages import decode_dead_letter, encode

if TYPE_CHECKING:
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

    async def received(self, limit: float) -> AsyncIterator[list[tuple[str, OutgoingMessage]]]:
        """Up to `limit` by the ten: the receipt, and the message as it was sent at first."""
        async for batch in self._batches(limit):
            yield [(_handle(each), _as_sent(each)) for each in batch]

    async def delete(self, receipts: list[str]) -> None:
        """Delete what was received; if it ran out it stays, and comes up again."""
        await self._calls.delete(self._url, receipts)

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
        deduplication_id=letter.id,
    )
