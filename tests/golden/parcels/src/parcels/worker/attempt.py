"""One attempt at a message: decode it, claim its key, run its handler, and settle it."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from ..context import log_context
from ..idempotency_keys import Claimed
from ..queue import BrokerUnavailable, LockLost
from .completer import Completer
from .envelope import KEY, NotATaskError, decode
from .equipment import Equipment
from .lease import Lease
from .metrics import ATTEMPTS, DURATION, QUEUE_ERRORS, TASKS, UNKNOWN, WAIT
from .reachability import STORE
from .retry import Policy, backoff
from .spans import consumer_span, trace_id
from .task import Task, TaskContext

SETTLE_TRIES = 3
CLAIM_BASE = 1.0
"""Between calls to a store that does not answer; at most an eighth of a lock, see `_claim`."""
MAX_DESCRIPTION = 1024
"""Service Bus takes four times as much, and an attribute of SQS counts as part of the message."""

_log = logging.getLogger(__name__)


class Attempts:
    """Runs handlers. Returns normally whatever happens to a message; the metrics say what did."""

    def __init__(self, equipment: Equipment, completer: Completer) -> None:
        self.equipment = equipment
        self.settings = equipment.settings
        self.queue = equipment.queue
        self.completer = completer

    async def handle(self, lease: Lease) -> None:
        """Settle a message, one way or another."""
        message = lease.message
        context = {
            "message_id": message.id,
            "key": lease.key,
            "attempt": str(message.delivery_count),
        }
        if origin := trace_id(message):
            context["trace_id"] = origin
        token = log_context.set(context)
        try:
            task, payload = decode(message, self.equipment.registry)
        except NotATaskError as error:
            await self._dead_letter(lease, UNKNOWN, error.reason, error.description)
        else:
            log_context.set({"task": task.name, **context})
            if message.attributes.get(KEY, lease.key) != lease.key:
                _log.warning("idempotency key refused, the id of the message takes its place")
            await self._handle(lease, task, payload)
        finally:
            log_context.reset(token)

    async def _handle(self, lease: Lease, task: Task[Any], payload: BaseModel) -> None:
        message = lease.message
        policy = Policy.of(task, self.settings)
        if message.delivery_count == 1:
            WAIT.labels(task.name).observe(max(0.0, self.equipment.clock() - message.sent_at))
        done = False
        try:
            if await self._settled_by_key(lease, task.name, policy):
                return
            if (error := await self._run(lease, task, payload, policy)) is not None:
                await self._failed(lease, task, policy, error)
                return
            done = True
            await self._done(lease, task.name)
        except asyncio.CancelledError:
            await self._interrupted(lease, task.name, done=done)

    async def _settled_by_key(self, lease: Lease, name: str, policy: Policy) -> bool:
        """Whether the key says what becomes of the message; else it is ours, for the handler."""
        message = lease.message
        claimed = await self._claim(lease)
        if claimed == "done":
            self._complete(lease, name, "duplicate")
        elif claimed == "busy":
            # Whoever holds the key renews it, or it ends with the lock of its message.
            await self._retry(lease, name, self._busy_delay())
        elif claimed is None:
            # Longer each time: a delivery was used up, and the store may be away for a while.
            await self._retry(
                lease, name, policy.delay(message.delivery_count, self.equipment.rand)
            )
        elif message.delivery_count > policy.max_deliveries:
            text = f"delivered {message.delivery_count} times, and no attempt came to an end"
            await self._give_up(lease, name, "attempts_exhausted", text)
        else:
            return False
        return True

    async def _claim(self, lease: Lease) -> Claimed | None:
        """None: the store does not answer, and the message can be held no longer.

        Until then it is held: brokers count every delivery, and a store that is away for some
        minutes would use up the attempts of tasks that have never been executed.
        """
        lock = self.queue.lock_seconds
        for failure in itertools.count(1):
            try:
                claimed = await lease.claim()
            except BrokerUnavailable:
                QUEUE_ERRORS.labels("claim").inc()
                self.equipment.reachability.failed(STORE)
                _log.warning("idempotency store does not answer", exc_info=True)
            else:
                self.equipment.reachability.works(STORE)
                return claimed
            wait = backoff(failure, CLAIM_BASE, lock / 8, self.equipment.rand)
            # A heartbeat keeps two thirds of it; without one there has to be time for the handler.
            if lease.seconds_left - wait < lock / 2:
                break
            await asyncio.sleep(wait)
            if self.equipment.lifecycle.draining:
                break
        return None

    async def _run(
        self, lease: Lease, task: Task[Any], payload: BaseModel, policy: Policy
    ) -> BaseException | None:
        """The error with which the handler ended; None when it did what it should."""
        loop = asyncio.get_running_loop()
        message, began = lease.message, loop.time()
        stall = self.settings.worker_stall_seconds
        ends = began + min(task.timeout_seconds or stall, stall)

        def seconds_left() -> float:
            left = ends - loop.time()
            return left if self.settings.worker_heartbeat else min(left, lease.seconds_left)

        context = TaskContext(
            task=task.name,
            message_id=message.id,
            idempotency_key=lease.key,
            resources=self.equipment.resources,
            # Where some were cut off there are more deliveries, and this one is the last to fail.
            attempt=min(message.delivery_count, policy.max_attempts),
            max_attempts=policy.max_attempts,
            seconds_left=seconds_left,
        )
        try:
            with (
                self.equipment.vitals.running(task.name),
                consumer_span(self.equipment.tracer, message, task),
            ):
                async with asyncio.timeout(task.timeout_seconds):
                    await task(payload, context)
        # Whatever it is, it is how the attempt ended; a library that calls sys.exit ends no worker.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            return error
        finally:
            DURATION.labels(task.name).observe(loop.time() - began)
        return None

    async def _done(self, lease: Lease, name: str) -> None:
        lease.stop()
        await lease.finish()
        ATTEMPTS.labels(name).observe(lease.message.delivery_count)
        self._complete(lease, name, "done")

    async def _failed(
        self, lease: Lease, task: Task[Any], policy: Policy, error: BaseException
    ) -> None:
        attempt = lease.message.delivery_count
        permanent = isinstance(error, policy.permanent)
        if permanent or attempt >= policy.max_attempts:
            reason = "permanent_error" if permanent else "attempts_exhausted"
            await self._give_up(lease, task.name, reason, _describe(error), error)
            return
        delay = policy.delay(attempt, self.equipment.rand)
        # At the least: SQS counts in whole seconds.
        extra = {"retry_in_seconds": round(delay, 3)}
        _log.warning("attempt failed, to be retried", exc_info=error, extra=extra)
        await lease.release()
        await self._retry(lease, task.name, delay)

    async def _give_up(
        self,
        lease: Lease,
        name: str,
        reason: str,
        description: str,
        error: BaseException | None = None,
    ) -> None:
        await lease.release()
        ATTEMPTS.labels(name).observe(lease.message.delivery_count)
        await self._dead_letter(lease, name, reason, description, error)

    async def _interrupted(self, lease: Lease, name: str, *, done: bool) -> None:
        """The lock was lost, or the process stops; what is done stays done."""
        if done:
            await self._done(lease, name)
            return
        lease.stop()
        await lease.release()
        if lease.lost:
            _log.warning("lock lost, handler cancelled")
            TASKS.labels(name, "lock_lost").inc()
        else:
            await self._settle("release", lambda: self.queue.release([lease.message]))
            TASKS.labels(name, "released").inc()

    def _complete(self, lease: Lease, name: str, outcome: str) -> None:
        def settled(completed: bool) -> None:
            TASKS.labels(name, outcome if completed else "lock_lost").inc()

        lease.stop()
        self.completer.add(lease.message, settled)

    async def _retry(self, lease: Lease, name: str, delay: float) -> None:
        lease.stop()  # A beat that comes later would hide it for a lock, and not for the delay.
        try:
            settled = await self._settle("retry", lambda: self.queue.retry(lease.message, delay))
        except ValueError as error:
            # It would come back at the end of each lock, until the broker sets it aside.
            await self._dead_letter(lease, name, "retry_refused", _describe(error), error)
        else:
            TASKS.labels(name, "retried" if settled else "lock_lost").inc()

    async def _dead_letter(
        self,
        lease: Lease,
        name: str,
        reason: str,
        description: str,
        error: BaseException | None = None,
    ) -> None:
        message = lease.message
        lease.stop()  # A beat would find it gone, and cancel us before we have counted it.
        _log.error(
            "dead letter", exc_info=error, extra={"reason": reason, "description": description}
        )
        moved = await self._settle(
            "dead_letter", lambda: self.queue.dead_letter(message, reason, description)
        )
        TASKS.labels(name, "dead_lettered" if moved else "lock_lost").inc()

    async def _settle(self, operation: str, call: Callable[[], Awaitable[None]]) -> bool:
        """False when the message is not settled: it comes back when its lock ends."""
        for attempt in range(1, SETTLE_TRIES + 1):
            try:
                await call()
            except LockLost:
                return False
            except BrokerUnavailable:
                QUEUE_ERRORS.labels(operation).inc()
                _log.warning("queue does not answer", exc_info=True, extra={"call": operation})
                if attempt < SETTLE_TRIES:
                    await asyncio.sleep(backoff(attempt, 0.5, 5, self.equipment.rand))
            else:
                return True
        return False

    def _busy_delay(self) -> float:
        return self.queue.lock_seconds * (0.5 + self.equipment.rand() / 2)


def _describe(error: BaseException) -> str:
    text = f"{type(error).__qualname__}: {error}"[:MAX_DESCRIPTION]
    # Brokers refuse control characters in attributes, and people in terminals do not like them.
    return "".join(each if each.isprintable() else " " for each in text)
