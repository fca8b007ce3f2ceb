"""The queue on Azure Service Bus.

What Service Bus does its own way:

* It gives a message back at once or not at all: a retry with a delay is a scheduled copy.
* Giving back counts as a delivery: the queue's maximum is only the backstop for workers that die,
  far above the attempts of the retry policy.
* Whoever receives may look at messages, but not read counters, for that needs the right to manage
  the namespace. What `stats` counts ends at a hundred; Azure Monitor knows the rest.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender

from .port import BrokerUnavailable, DeadLetter, LockLost, Message, OutgoingMessage, QueueStats
from .service_bus_client import Connection, broker_errors
from .service_bus_messages import (
    MAX_DESCRIPTION,
    Receipt,
    decode,
    decode_dead_letter,
    encode,
    first_id,
    redrive_copy,
    retry_copy,
)

POLL_SECONDS = 1.0
"""A long poll is made of these. The SDK's own cannot be cancelled without breaking its connection,
so this is what a shutdown waits for; shorter ones than a second are not answered reliably."""
CLOSE_SECONDS = 3
"""For a poll that was cancelled, and to give back what it got."""
PEEK_MESSAGES = 100
"""Looked at for statistics."""
PAGE_MESSAGES = 10
"""Peeked at a time, because bodies come along: up to 1 MB each on Premium. The memory that a page
takes is part of the rule messages-fit-memory of `sm`."""
ADMIN_MESSAGES = 50
"""Dead letters taken at a time, within their lock."""
ADMIN_WAIT_SECONDS = 1.0
"""Until the dead-letter queue counts as empty."""


class ServiceBusQueue:
    """A queue and its dead-letter sub-queue."""

    _ordered = False

    def __init__(
        self, namespace: str, name: str, lock_seconds: float, connection_string: str = ""
    ) -> None:
        self.lock_seconds = lock_seconds
        self._name = name
        self._connection = Connection(namespace, connection_string)
        self._sender: ServiceBusSender | None = None
        self._receiver: ServiceBusReceiver | None = None
        # The SDK's senders and receivers do one thing at a time; settling and renewing aside.
        self._sending = asyncio.Lock()
        self._receiving = asyncio.Lock()
        self._abandoned: set[asyncio.Task[None]] = set()

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Send all of them, or raise; some may have been sent then."""
        await self._send([encode(message, ordered=self._ordered) for message in messages])

    async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Up to `limit` messages, as soon as there is one; the SDK waits 0.2 s for more.

        A cancelled poll ends in the background and gives back what it gets.
        """
        stop = asyncio.Event()
        poll = asyncio.create_task(self._poll(limit, wait_seconds, stop))
        try:
            return await asyncio.shield(poll)
        except asyncio.CancelledError:
            stop.set()
            giving_back = asyncio.create_task(self._give_back(poll))
            self._abandoned.add(giving_back)
            giving_back.add_done_callback(self._abandoned.discard)
            raise

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """Remove them; returns those whose lock had ended."""
        held = await asyncio.gather(*map(self._completed, messages))
        return [message for message, done in zip(messages, held, strict=True) if not done]

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """Schedule a copy, then complete the message.

        In this order nothing is lost. A crash in between leaves both, and the idempotency key sees
        to it that one of them takes effect.
        """
        if receipt_of(message).expired:
            raise LockLost(f"the lock of message {message.id} ended")
        if delay_seconds <= 0:
            await self.release([message])
            return
        await self._send([retry_copy(message, delay_seconds)])
        if not await self._completed(message):
            raise LockLost(f"the lock of message {message.id} ended while it was scheduled again")

    async def release(self, messages: Sequence[Message]) -> None:
        """Give them back at once; one whose lock ended is back already."""
        await asyncio.gather(*map(self._released, messages))

    async def extend(self, message: Message) -> None:
        """Renew the lock."""
        receipt = receipt_of(message)
        with broker_errors():
            await receipt.receiver.renew_message_lock(receipt.found)

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """Move it to the dead letters, with the reason."""
        receipt = receipt_of(message)
        if receipt.expired:
            raise LockLost(f"the lock of message {message.id} ended")
        with broker_errors():
            await receipt.receiver.dead_letter_message(
                receipt.found, reason=reason, error_description=description[-MAX_DESCRIPTION:]
            )

    async def stats(self) -> QueueStats:
        """What a look at the first hundred messages of the queue and of its dead letters tells.

        Messages in flight are among the visible ones: looking does not show who holds what.
        """
        states: Counter[ServiceBusMessageState] = Counter()
        oldest = now = time.time()
        async for page in self._pages(self._main_receiver(), PEEK_MESSAGES):
            states.update(each.state for each in page)
            active = [each for each in page if each.state == ServiceBusMessageState.ACTIVE]
            times = (each.enqueued_time_utc for each in active)
            oldest = min([oldest, *(each.timestamp() for each in times if each)])
            # This page is gone before the next one is here.
            page.clear()
            active.clear()
        return QueueStats(
            visible=states[ServiceBusMessageState.ACTIVE],
            in_flight=None,
            delayed=states[ServiceBusMessageState.SCHEDULED],
            dead_letters=await self._count_dead_letters(),
            oldest_age_seconds=now - oldest,
        )

    async def check(self) -> None:
        """Look at one message, or at none: it asks the broker either way."""
        with broker_errors():
            await self._main_receiver().peek_messages(1)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Look at dead letters, oldest first."""
        async with self._dead_letter_receiver() as receiver:
            pages = self._pages(receiver, limit)
            return [decode_dead_letter(each) async for page in pages for each in page]

    async def redrive(self, limit: int) -> int:
        """Send dead letters to the queue as new messages, then complete them; each of them once.

        One that a worker gives up again meanwhile comes behind all that were there: by its id it is
        known, and the end is reached. One that cannot succeed would go round for ever.
        """
        moved, sent = 0, set[str]()
        async with self._dead_letter_receiver() as receiver:
            while moved < limit and (batch := await self._letters(receiver, limit - moved)):
                again = [each for each in batch if first_id(each) in sent]
                chosen = [each for each in batch if each not in again]
                copies = [redrive_copy(each) for each in chosen]
                held = batch
                try:
                    await self._send(copies)
                    await asyncio.gather(*(_moved(receiver, each) for each in chosen))
                    held = again
                finally:
                    await asyncio.gather(*(_given_back(receiver, each) for each in held))
                sent.update(str(copy.message_id) for copy in copies)
                moved += len(chosen)
                if again:
                    break
        return moved

    async def purge_dead_letters(self) -> int:
        """Receive and forget all dead letters."""
        purged = 0
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        async with self._dead_letter_receiver(mode) as receiver:
            while batch := await self._letters(receiver, ADMIN_MESSAGES):
                purged += len(batch)
        return purged

    async def close(self) -> None:
        """Let polls that were cancelled end, then close the connection."""
        if self._abandoned:
            _, unfinished = await asyncio.wait(self._abandoned, timeout=CLOSE_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        for link in (self._receiver, self._sender):
            if link is not None:
                await link.close()
        self._receiver = self._sender = None
        await self._connection.close()

    async def _poll(self, limit: int, wait_seconds: float, stop: asyncio.Event) -> list[Message]:
        deadline = time.monotonic() + wait_seconds
        while True:
            async with self._receiving:
                receiver = self._main_receiver()
                with broker_errors():
                    # The SDK would do it in the time of the poll: a sign-in or a connection that
                    # takes longer would be thrown away and begun again, for ever.
                    await receiver.__aenter__()  # Nothing to do when it is open.
                    found = await receiver.receive_messages(
                        max_message_count=limit, max_wait_time=POLL_SECONDS
                    )
            if found or stop.is_set() or time.monotonic() >= deadline:
                return [decode(each, receiver) for each in found]

    async def _give_back(self, poll: "asyncio.Task[list[Message]]") -> None:
        # Out of reach, the messages come back by themselves when their locks end.
        with suppress(BrokerUnavailable):
            await self.release(await poll)

    async def _completed(self, message: Message) -> bool:
        return await _settled(receipt_of(message), "complete_message")

    async def _released(self, message: Message) -> None:
        await _settled(receipt_of(message), "abandon_message")

    async def _send(self, messages: Sequence[ServiceBusMessage]) -> None:
        async with self._sending:
            if self._sender is None:
                self._sender = self._connection.client.get_queue_sender(self._name)
            with broker_errors():
                batch = await self._sender.create_message_batch()
                for message in messages:
                    try:
                        batch.add_message(message)
                    except ValueError:  # It is full; a message too large for an empty one raises.
                        await self._sender.send_messages(batch)
                        batch = await self._sender.create_message_batch()
                        batch.add_message(message)
                if len(batch):
                    await self._sender.send_messages(batch)

    async def _count_dead_letters(self) -> int:
        number = 0
        async with self._dead_letter_receiver() as receiver:
            async for page in self._pages(receiver, PEEK_MESSAGES):
                number += len(page)
                page.clear()
        return number

    async def _pages(
        self, receiver: ServiceBusReceiver, limit: int
    ) -> AsyncIterator[list[ServiceBusReceivedMessage]]:
        left, number = limit, 1
        while left > 0:
            with broker_errors():
                page = await receiver.peek_messages(
                    min(left, PAGE_MESSAGES), sequence_number=number
                )
            if not page:
                return
            left -= len(page)
            number = (page[-1].sequence_number or 0) + 1
            yield page

    async def _letters(
        self, receiver: ServiceBusReceiver, limit: int
    ) -> list[ServiceBusReceivedMessage]:
        with broker_errors():
            return await receiver.receive_messages(
                max_message_count=min(limit, ADMIN_MESSAGES), max_wait_time=ADMIN_WAIT_SECONDS
            )

    def _main_receiver(self) -> ServiceBusReceiver:
        if self._receiver is None:
            self._receiver = self._connection.client.get_queue_receiver(
                self._name,
                # Nothing is fetched ahead: its lock would run while it waits its turn.
                prefetch_count=0,
            )
        return self._receiver

    @asynccontextmanager
    async def _dead_letter_receiver(
        self, mode: ServiceBusReceiveMode = ServiceBusReceiveMode.PEEK_LOCK
    ) -> AsyncIterator[ServiceBusReceiver]:
        with broker_errors():
            async with self._connection.client.get_queue_receiver(
                self._name, sub_queue=ServiceBusSubQueue.DEAD_LETTER, receive_mode=mode
            ) as receiver:
                yield receiver


async def _moved(receiver: ServiceBusReceiver, letter: ServiceBusReceivedMessage) -> None:
    # One whose lock ended comes up again, and its copy is dropped: it has the id of the first.
    with suppress(LockLost), broker_errors():
        await receiver.complete_message(letter)


async def _given_back(receiver: ServiceBusReceiver, letter: ServiceBusReceivedMessage) -> None:
    # What was completed stays so; out of reach, the others come back when their locks end.
    with suppress(LockLost, BrokerUnavailable), broker_errors():
        await receiver.abandon_message(letter)


async def _settled(receipt: Receipt, operation: str) -> bool:
    """Settle a message; whether it was still ours. Out of reach, it can be tried again."""
    if receipt.expired:
        return False
    try:
        with broker_errors():
            await getattr(receipt.receiver, operation)(receipt.found)
    except LockLost:
        receipt.answered = True
        return False
    receipt.answered = True
    return True


def receipt_of(message: Message) -> Receipt:
    """What the message is settled with."""
    assert isinstance(message.receipt, Receipt)  # noqa: S101 narrows: messages of ours have one
    return message.receipt
