"""The worker: receives messages, hands each to an attempt, and stops without losing one."""

import asyncio
import logging

from ..queue import BrokerUnavailable, Message
from .attempt import Attempts
from .completer import Completer
from .equipment import Equipment
from .lease import Lease
from .metrics import IN_FLIGHT, LAST_POLL, QUEUE_ERRORS
from .reachability import QUEUE
from .retry import backoff
from .waiting import within

WAIT_SECONDS = 20.0
"""Of one long poll: the longest that SQS offers, and the fewest calls to pay for."""
ANSWER_SECONDS = 30.0
"""What a broker gets beyond that before we take the connection for dead."""
ROOM_SECONDS = 5.0
"""How often the loop shows that it is alive while all slots are taken."""
RELEASE_SECONDS = 5.0
"""For giving messages back at the end; part of the pod's grace period."""
BACKOFF_BASE, BACKOFF_CAP = 1.0, 30.0
"""Between calls to a broker that does not answer."""

_log = logging.getLogger(__name__)


class Worker:
    """At most `worker_concurrency` messages are held at a time, and none is received to wait here.

    So what is received begins at once, and its lock covers its handling. As many again may wait to
    be completed, which lets the next batch come while the last one is still being deleted.
    """

    def __init__(self, equipment: Equipment) -> None:
        self.equipment = equipment
        self.settings = equipment.settings
        self.queue = equipment.queue
        self.reachability = equipment.reachability
        self._held: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._completer = Completer(self.queue, self._wake.set)
        self._attempts = Attempts(equipment, self._completer)

    def stop(self) -> None:
        """Receive nothing more and finish what is held. The second call gives it back instead."""
        if self._stopping.is_set():
            self._at_once.set()
        self.equipment.lifecycle.draining = True
        self._stopping.set()
        self._wake.set()

    async def run(self) -> int:
        """Until it is told to stop; returns the exit code: 1 when it was told to stop at once."""
        IN_FLIGHT.set_function(lambda: len(self._held))
        # The time without an answer counts from here; from 1970 on, it would be half a century.
        LAST_POLL.set(self.equipment.clock())
        completing = asyncio.create_task(self._completer.run(), name="completer")
        try:
            while not self._stopping.is_set():
                self.equipment.vitals.beat()
                if limit := await self._room():
                    await self._receive(limit)
            self.equipment.vitals.rest()
            await self._drain()
            return 1 if self._at_once.is_set() else 0
        finally:
            self._completer.close()
            await completing

    async def _room(self) -> int:
        """How many messages may come now; 0 after a while when there is no room."""
        if failures := self.reachability.failures:
            seconds = backoff(failures, BACKOFF_BASE, BACKOFF_CAP, self.equipment.rand)
            await within(self._stopping, seconds)
            # One message is enough to find out whether the store is back.
            return min(1, self._free())
        self._wake.clear()
        if not (free := self._free()):
            await within(self._wake, ROOM_SECONDS)
        return free

    def _free(self) -> int:
        limit = self.settings.worker_concurrency
        held = len(self._held)
        return max(0, min(limit - held, 2 * limit - held - self._completer.waiting))

    async def _receive(self, limit: int) -> None:
        if self._stopping.is_set():
            return
        try:
            messages = await self._poll(limit)
        except BrokerUnavailable:
            QUEUE_ERRORS.labels("receive").inc()
            self.reachability.failed(QUEUE)
            _log.warning("queue does not answer", exc_info=True, extra={"call": "receive"})
            return
        self.reachability.works(QUEUE)
        LAST_POLL.set(self.equipment.clock())
        if self._stopping.is_set():
            await self._release(messages)
            return
        for message in messages:
            self._start(message)

    async def _poll(self, limit: int) -> list[Message]:
        """A long poll that ends when the worker is told to stop, and loses nothing by it."""
        polling = asyncio.create_task(self.queue.receive(limit, WAIT_SECONDS), name="receive")
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(
                {polling, stopping},
                timeout=WAIT_SECONDS + ANSWER_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()
            polling.cancel()  # No effect when it has ended: its messages are below.
        try:
            return await polling
        except asyncio.CancelledError:
            if self._stopping.is_set():
                return []
            raise BrokerUnavailable("no answer to a poll") from None

    def _start(self, message: Message) -> None:
        heartbeat = self.settings.worker_heartbeat
        lease = Lease(message, self.queue, self.equipment.store, heartbeat=heartbeat)
        task = asyncio.create_task(self._handle(lease), name=f"message {message.id}")
        if heartbeat:
            lease.keep(task)
        self._held.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._held.discard(task)
        self._wake.set()

    async def _handle(self, lease: Lease) -> None:
        try:
            await self._attempts.handle(lease)
        except asyncio.CancelledError:
            await self._release([lease.message])
        except Exception:  # noqa: BLE001 one message must not end the others
            _log.exception("fault in the worker; the message comes back")
        finally:
            lease.stop()

    async def _drain(self) -> None:
        """Let handlers end, for as long as the settings allow; give back what is left."""
        _log.info("draining", extra={"held": len(self._held)})
        at_once = asyncio.create_task(self._at_once.wait())
        ended = asyncio.create_task(_all(self._held))
        await asyncio.wait(
            {at_once, ended},
            timeout=self.settings.worker_shutdown_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        left = set(self._held)
        at_once.cancel()
        ended.cancel()
        self.equipment.lifecycle.cut_off += len(left)
        for task in left:
            task.cancel()
        if left:
            _log.warning("stopping with handlers cut off", extra={"messages": len(left)})
            await asyncio.wait(left, timeout=RELEASE_SECONDS)

    async def _release(self, messages: list[Message]) -> None:
        if not messages:
            return
        try:
            await self.queue.release(messages)
        except BrokerUnavailable:
            QUEUE_ERRORS.labels("release").inc()
            _log.warning("not given back; they come back", extra={"messages": len(messages)})


async def _all(tasks: set["asyncio.Task[None]"]) -> None:
    if tasks:
        await asyncio.wait(set(tasks))
