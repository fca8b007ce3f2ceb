"""The ordered queue on Azure Service Bus: a group is a session, which one receiver holds at a time.

A session is held while its messages are handled one by one, and given up when it has no more. A
retry keeps the session, so that no later message of the group passes the one that failed: the delay
ends early when this process dies, and the count of deliveries is the broker's.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

from .port import BrokerUnavailable, LockLost, Message, QueueStats
from .service_bus import POLL_SECONDS, ServiceBusQueue, receipt_of
from .service_bus_client import TRY_TIMEOUT, Connection, broker_errors
from .service_bus_messages import decode

IDLE_SECONDS = 0.3
"""For the next message of a session, before it is given up."""
MAX_ACCEPTING = 8
"""Sessions waited for at a time, when there are many: each is a connection that has to be made."""
MAX_WAITING = 100
"""Sessions kept for a retry, before no further ones are accepted: each is a connection, of which a
namespace takes 5,000. https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas"""
RENEWALS_IN_A_LOCK = 3


@dataclass(eq=False)
class Session:
    """A session that we hold, over a connection of its own."""

    receiver: ServiceBusReceiver
    held: bool = False
    """One of its messages is being handled, or waits for its retry."""

    @property
    def lost(self) -> bool:
        """Nobody renewed its lock, because nobody settled its message."""
        until = self.receiver.session.locked_until_utc
        return until is None or until <= datetime.now(UTC)


class ServiceBusSessionQueue(ServiceBusQueue):
    """One message of a session at a time, and as many sessions as there is room for messages."""

    _ordered = True

    def __init__(
        self, namespace: str, name: str, lock_seconds: float, connection_string: str = ""
    ) -> None:
        super().__init__(namespace, name, lock_seconds, connection_string)
        self._sessions: dict[ServiceBusReceiver, Session] = {}
        # Without retries: that no session has a message is an answer, and the usual one.
        self._accepts = Connection(namespace, connection_string, retries=0)
        self._accepting: set[asyncio.Task[bool]] = set()
        self._parallel = 1
        self._waiting: set[asyncio.Task[None]] = set()

    async def complete(self, messages: Sequence[Message]) -> list[Message]:
        """See ServiceBusQueue."""
        with self._freeing(messages):
            return await super().complete(messages)

    async def release(self, messages: Sequence[Message]) -> None:
        """See ServiceBusQueue."""
        with self._freeing(messages):
            await super().release(messages)

    async def dead_letter(self, message: Message, reason: str, description: str) -> None:
        """See ServiceBusQueue."""
        with self._freeing([message]):
            await super().dead_letter(message, reason, description)

    async def retry(self, message: Message, delay_seconds: float) -> None:
        """Keep the session until the delay is over, then give the message back."""
        receipt = receipt_of(message)
        if receipt.expired:
            raise LockLost(f"the session of message {message.id} was lost")
        if delay_seconds <= 0:
            await self.release([message])
            return
        task = asyncio.create_task(self._give_back_later(message, delay_seconds))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        receipt.answered = True

    async def extend(self, message: Message) -> None:
        """Renew the lock of the session."""
        receipt = receipt_of(message)
        if receipt.expired:
            raise LockLost(f"the session of message {message.id} was lost")
        with broker_errors():
            await receipt.receiver.session.renew_lock()

    async def stats(self) -> QueueStats:
        """The dead letters: messages cannot be looked at without holding their sessions."""
        return QueueStats(dead_letters=await self._count_dead_letters())

    async def check(self) -> None:
        """Look at the dead letters, which are in no session."""
        await self.dead_letters(1)

    async def close(self) -> None:
        """See ServiceBusQueue; messages that wait for their retry are given back now."""
        waiting = [*self._waiting, *self._accepting]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.gather(*map(self._drop, list(self._sessions.values())))
        await self._accepts.close()
        await super().close()

    async def _poll(self, limit: int, wait_seconds: float, stop: asyncio.Event) -> list[Message]:
        deadline = time.monotonic() + wait_seconds
        while True:
            async with self._receiving:
                found = await self._next(limit)
            if found or stop.is_set() or time.monotonic() >= deadline:
                return found

    async def _next(self, limit: int) -> list[Message]:
        """A message of each session that is free; without one, of the next that can be had."""
        await asyncio.gather(
            *map(self._drop, [each for each in self._sessions.values() if each.lost])
        )
        free = [session for session in self._sessions.values() if not session.held]
        taken = await asyncio.gather(*map(self._take, free[:limit]), return_exceptions=True)
        found = [message for each in taken if isinstance(each, list) for message in each]
        failed = [each for each in taken if isinstance(each, BaseException)]
        room = MAX_WAITING - len(self._waiting)
        while len(self._accepting) < min(limit - len(found), self._parallel, room):
            self._accepting.add(asyncio.create_task(self._accept()))
        if not found:
            # Without room, a retry that becomes due makes some.
            await asyncio.wait(
                self._accepting or self._waiting,
                timeout=POLL_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        failed += self._accepted()
        if failed and not found:
            raise failed[0]
        # What was received is ours to hand on, whatever happened beside it; a failure that lasts is
        # the next call's.
        return found

    def _accepted(self) -> list[BaseException]:
        """Look at those that have been waited for; returns what went wrong."""
        failed: list[BaseException] = []
        for task in [each for each in self._accepting if each.done() and not each.cancelled()]:
            self._accepting.discard(task)
            if error := task.exception():
                failed.append(error)
            else:
                # One asks while there is nothing to do; more and more when there is.
                self._parallel = min(2 * self._parallel, MAX_ACCEPTING) if task.result() else 1
        return failed

    async def _accept(self) -> bool:
        """Hold one more session; whether there was one."""
        receiver = self._accepts.client.get_queue_receiver(
            self._name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=POLL_SECONDS
        )
        asked_at = time.monotonic()
        try:
            with broker_errors():
                await receiver.__aenter__()
        except BaseException as error:
            with suppress(BrokerUnavailable, LockLost), broker_errors():
                await receiver.close()
            # Service Bus says within POLL_SECONDS that no session has a message. The SDK says it in
            # the same words when the connection was not made in time: that is an outage.
            answered = time.monotonic() - asked_at < TRY_TIMEOUT
            if answered and isinstance(error.__cause__, OperationTimeoutError):
                return False
            raise
        self._sessions[receiver] = Session(receiver)
        return True

    async def _take(self, session: Session) -> list[Message]:
        try:
            with broker_errors():
                found = await session.receiver.receive_messages(
                    max_message_count=1, max_wait_time=IDLE_SECONDS
                )
        except LockLost:
            found = []
        except BrokerUnavailable:
            await self._drop(session)
            raise
        if not found:
            await self._drop(session)
            return []
        session.held = True
        return [decode(each, session.receiver) for each in found]

    async def _drop(self, session: Session) -> None:
        self._sessions.pop(session.receiver, None)
        # What goes wrong here the broker clears up: a lost link frees its session.
        with suppress(BrokerUnavailable, LockLost), broker_errors():
            await session.receiver.close()

    @contextmanager
    def _freeing(self, messages: Sequence[Message]) -> Iterator[None]:
        """The sessions of these messages go on with the next one, unless they wait for a retry."""
        ours = [receipt_of(each).receiver for each in messages if not receipt_of(each).answered]
        yield
        for receiver in ours:
            if session := self._sessions.get(receiver):
                session.held = False

    async def _give_back_later(self, message: Message, delay_seconds: float) -> None:
        receipt = receipt_of(message)
        due = time.monotonic() + delay_seconds
        try:
            while (left := due - time.monotonic()) > 0:
                with broker_errors():
                    await receipt.receiver.session.renew_lock()
                await asyncio.sleep(min(left, self.lock_seconds / RENEWALS_IN_A_LOCK))
        except (LockLost, BrokerUnavailable):
            # The session is with somebody else, or comes back when its lock ends.
            return
        finally:
            receipt.answered = False
            with suppress(BrokerUnavailable):
                await self.release([message])
