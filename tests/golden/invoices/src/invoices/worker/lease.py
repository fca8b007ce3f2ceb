"""Keeps a message, and the claim to its idempotency key, for as long as its handler takes."""

import asyncio
import logging
from uuid import uuid4

from ..idempotency_keys import Claimed, IdempotencyStore
from ..queue import BrokerUnavailable, LockLost, Message, Queue
from .envelope import idempotency_key
from .metrics import QUEUE_ERRORS

_log = logging.getLogger(__name__)

BEATS_IN_A_LOCK = 3
"""Two of them may fail before the lock is lost."""
CLAIM_SHARE = 0.95
"""Of the lock, so that the claim of a worker that died has ended when its message comes back: the
broker counts from when it answered, we from when the answer was here."""
CLAIM_SHARE_WITHOUT_HEARTBEAT = 2.0
"""There the message comes back while its handler may still run, and must find the key taken."""


class Lease:
    """One message, from its reception until it is settled.

    When the lock is lost, the message may already be with another worker: the task that handles it
    here is cancelled, and `lost` says why.
    """

    def __init__(
        self, message: Message, queue: Queue, store: IdempotencyStore, *, heartbeat: bool
    ) -> None:
        self.message = message
        self.key = idempotency_key(message)
        self.lost = False
        self._queue = queue
        self._store = store
        # New for each attempt: one that comes back late cannot touch the claim of another.
        self._owner = uuid4().hex
        self._claimed = False
        self._share = CLAIM_SHARE if heartbeat else CLAIM_SHARE_WITHOUT_HEARTBEAT
        self._interval = queue.lock_seconds / BEATS_IN_A_LOCK
        self._ends = _now() + queue.lock_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def seconds_left(self) -> float:
        """Until the message comes back, unless the lease is renewed."""
        return self._ends - _now()

    async def claim(self) -> Claimed:
        """Claim the key."""
        lease = max(self.seconds_left, 0) * self._share
        self._claimed = True  # Should we be cut off here: only the owner's claim is released.
        claimed = await self._store.claim(self.key, self._owner, lease)
        self._claimed = claimed == "new"
        return claimed

    async def finish(self) -> None:
        """The work is done. A store that fails does not undo it: the message is completed anyway.

        What is left is the chance that the message comes back once more before that.
        """
        self._claimed = False
        try:
            await self._store.finish(self.key, self._owner)
        except BrokerUnavailable:
            QUEUE_ERRORS.labels("finish").inc()
            _log.exception("not recorded as done", extra={"key": self.key})

    async def release(self) -> None:
        """The work failed: the next attempt need not wait for the end of the claim."""
        if not self._claimed:
            return
        self._claimed = False
        try:
            await self._store.release(self.key, self._owner)
        except BrokerUnavailable:
            QUEUE_ERRORS.labels("release_key").inc()
            _log.warning("claim not released", extra={"key": self.key})

    def keep(self, worker: "asyncio.Task[None]") -> None:
        """Renew from now on; when that fails, cancel the task that works on the message.

        Nearly all handlers end before the first beat, and a timer costs less than a task.
        """
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._interval, self._start, worker)

    def stop(self) -> None:
        """The message is settled, or will be in a moment."""
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()

    def _start(self, worker: "asyncio.Task[None]") -> None:
        self._beating = asyncio.create_task(self._beat(worker), name="heartbeat")

    async def _beat(self, worker: "asyncio.Task[None]") -> None:
        while True:
            call = "extend"
            try:
                async with asyncio.timeout(self._interval):
                    await self._extend()
                    call = "claim"
                    await self._claim_again()
                wait = self._interval
            except LockLost:
                break
            except Exception as error:  # noqa: BLE001 whatever it is, the lock is not renewed
                QUEUE_ERRORS.labels(call).inc()
                _log.warning("heartbeat failed", exc_info=error, extra={"call": call})
                # Sooner again than usual, as long as there is a lock to renew.
                wait = self._interval / 4
                if self.seconds_left <= wait:
                    break
            await asyncio.sleep(wait)
        self.lost = True
        worker.cancel()

    async def _extend(self) -> None:
        began = _now()
        await self._queue.extend(self.message)
        self._ends = began + self._queue.lock_seconds

    async def _claim_again(self) -> None:
        if self._claimed and await self.claim() != "new":
            raise LockLost(self.message.id)


def _now() -> float:
    return asyncio.get_running_loop().time()
