"""Completes messages in batches: one call to the broker for all that were done meanwhile."""

import asyncio
import logging
from collections.abc import Callable

from ..queue import BrokerUnavailable, Message, Queue
from .metrics import QUEUE_ERRORS
from .waiting import within

_log = logging.getLogger(__name__)

LINGER_SECONDS = 0.01
"""How long the first message waits for company: nothing beside a call over the network, and enough
for handlers that end together."""
BATCH = 10
"""What SQS deletes in one call: no reason to wait for more."""
TRIES = 4
"""With waits of 0.1, 0.4 and 1.6 s between them; after that the message comes back and is found to
be done."""

Settled = Callable[[bool], None]
"""Called with True when the message was completed, False when it was not ours any more."""


class Completer:
    """Runs in a task of its own, so that handlers neither wait for the broker nor hold slots."""

    def __init__(self, queue: Queue, progressed: Callable[[], None]) -> None:
        self._queue = queue
        self._progressed = progressed
        self._waiting: list[tuple[Message, Settled]] = []
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._completing = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Messages that are done and not completed yet."""
        return len(self._waiting) + self._completing

    def add(self, message: Message, settled: Settled) -> None:
        """Complete a message soon."""
        self._waiting.append((message, settled))
        self._arrived.set()
        if len(self._waiting) >= BATCH:
            self._enough.set()

    def close(self) -> None:
        """`run` returns when nothing is left."""
        self._closed = True
        self._arrived.set()
        self._enough.set()

    async def run(self) -> None:
        """Until closed. One call at a time: what ends during a call is the next batch."""
        while not (self._closed and not self._waiting):
            await self._arrived.wait()
            await within(self._enough, LINGER_SECONDS)
            if not self._closed:
                self._arrived.clear()
                self._enough.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._complete(batch)

    async def _complete(self, batch: list[tuple[Message, Settled]]) -> None:
        self._completing = len(batch)
        lost = await self._lost([message for message, _ in batch])
        self._completing = 0
        self._progressed()
        for message, settled in batch:
            settled(id(message) not in lost)

    async def _lost(self, messages: list[Message]) -> set[int]:
        """By identity: of two deliveries of one message, one may be ours and the other lost."""
        for attempt in range(1, TRIES + 1):
            try:
                return {id(message) for message in await self._queue.complete(messages)}
            except BrokerUnavailable:
                QUEUE_ERRORS.labels("complete").inc()
            except Exception:  # noqa: BLE001 a fault of the adapter must not end the completer
                QUEUE_ERRORS.labels("complete").inc()
                _log.exception("fault in the queue's adapter")
            if attempt < TRIES:
                await asyncio.sleep(0.1 * 4 ** (attempt - 1))
        _log.error("not completed; they come back", extra={"messages": len(messages)})
        return {id(message) for message in messages}
