"""One attempt at a message: decode it, claim its key, run its handler, and settle it."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from pydantic import BaseModel

from ..context import log_context
from ..queue import BrokerUnavailable, LockLost, Queue
from ..settings import Settings
from .completer import Completer
from .envelope import NotATaskError, decode
from .lease import Lease
from .metrics import ATTEMPTS, DURATION, QUEUE_ERRORS, TASKS, UNKNOWN, WAIT
from .reachability import STORE, Reachability
from .registry import Registry
from .retry import Policy, Random, backoff
from .spans import consumer_span, trace_id
from .task import Task, TaskContext
from .vitals import Vitals

if TYPE_CHECKING:
    from ..tasks.resources import Resources

SETTLE_TRIES = 3
MAX_DESCRIPTION = 1024
"""Service Bus takes four times as much, and an attribute of SQS counts as part of the message."""

_log = logging.getLogger(__name__)


class Attempts:
    """Runs handlers. Returns normally whatever happens to a message; the metrics say what did."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        registry: Registry,
        resources: "Resources",
        completer: Completer,
        tracer: trace.Tracer,
        *,
        vitals: Vitals,
        reachability: Reachability,
        clock: Callable[[], float] = time.time,
        rand: Random = random.random,
    ) -> None:
        self.settings = settings
        self.queue = queue
        self.registry = registry
        self.resources = resources
        self.completer = completer
        self.tracer = tracer
        self.vitals = vitals
        self.reachability = reachability
        self.clock = clock
        self.rand = rand

    async def handle(self, lease: Lease) -> bool:
        """Settle a message, one way or another. False: it comes back, so its group has to wait."""
        message = lease.message
        context = {"message_id": message.id, "attempt": str(message.delivery_count)}
        if trace := trace_id(message):
            context["trace_id"] = trace
        token = log_context.set(context)
        try:
            task, payload = decode(message, self.registry)
        except NotATaskError as error:
            return await self._dead_letter(lease, UNKNOWN, error.reason, error.description)
        else:
            log_context.set({"task": task.name, **context})
            return await self._handle(lease, task, payload)
        finally:
            log_context.reset(token)

    async def _handle(self, lease: Lease, task: Task[Any], payload: BaseModel) -> bool:
        message = lease.message
        policy = Policy.of(task, self.settings)
        if message.delivery_count == 1:
            WAIT.labels(task.name).observe(max(0.0, self.clock() - message.sent_at))
        done = False
        try:
            claimed = await self._claim(lease)
            if claimed == "done":
                self._complete(lease, task.name, "duplicate")
                return True
            if claimed == "busy":
                # Whoever holds the key renews it, or it ends with the lock of its message.
                return await self._retry(lease, task.name, self._busy_delay())
            if claimed is None:
                return await self._retry(lease, task.name, policy.delay(1, self.rand))
            if message.delivery_count > policy.max_attempts:
                text = f"delivered {message.delivery_count} times, and no attempt came to an end"
                return await self._give_up(lease, task.name, "attempts_exhausted", text)
            error = await self._run(lease, task, payload, policy)
            if error is not None:
                return await self._failed(lease, task, policy, error)
            done = True
            await self._done(lease, task.name)
        except asyncio.CancelledError:
            return await self._interrupted(lease, task.name, done=done)
        return True

    async def _claim(self, lease: Lease) -> str | None:
        try:
            claimed = await lease.claim()
        except BrokerUnavailable:
            QUEUE_ERRORS.labels("claim").inc()
            self.reachability.failed(STORE)
            _log.warning("idempotency store does not answer", exc_info=True)
            return None
        self.reachability.works(STORE)
        return claimed

    async def _run(
        self, lease: Lease, task: Task[Any], payload: BaseModel, policy: Policy
    ) -> Exception | None:
        """The error with which the handler ended; None when it did what it should."""
        loop = asyncio.get_running_loop()
        message, began = lease.message, loop.time()
        stall = self.settings.worker_stall_seconds
        ends = began + min(task.timeout_seconds or stall, stall)

        def time_left() -> float:
            left = ends - loop.time()
            return left if self.settings.worker_heartbeat else min(left, lease.seconds_left)

        context = TaskContext(
            task.name,
            message.id,
            lease.key,
            message.delivery_count,
            policy.max_attempts,
            self.resources,
            time_left,
        )
        try:
            with (
                self.vitals.running(message.id, task.name),
                consumer_span(self.tracer, message, task),
            ):
                async with asyncio.timeout(task.timeout_seconds):
                    await task(payload, context)
        except Exception as error:  # noqa: BLE001 whatever it is, it says how the attempt ended
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
        self, lease: Lease, task: Task[Any], policy: Policy, error: Exception
    ) -> bool:
        attempt = lease.message.delivery_count
        permanent = isinstance(error, policy.permanent)
        if permanent or attempt >= policy.max_attempts:
            reason = "permanent_error" if permanent else "attempts_exhausted"
            _log.error("task given up: %s", reason, exc_info=error)
            return await self._give_up(lease, task.name, reason, _describe(error))
        delay = policy.delay(attempt, self.rand)
        extra = {"retry_in_seconds": round(delay, 3)}
        _log.warning("attempt failed, to be retried", exc_info=error, extra=extra)
        await lease.release()
        return await self._retry(lease, task.name, delay)

    async def _give_up(self, lease: Lease, name: str, reason: str, description: str) -> bool:
        await lease.release()
        ATTEMPTS.labels(name).observe(lease.message.delivery_count)
        return await self._dead_letter(lease, name, reason, description)

    async def _interrupted(self, lease: Lease, name: str, *, done: bool) -> bool:
        """The lock was lost, or the process stops; what is done stays done."""
        if done:
            await self._done(lease, name)
            return True
        lease.stop()
        await lease.release()
        if lease.lost:
            _log.warning("lock lost, handler cancelled")
            TASKS.labels(name, "lock_lost").inc()
        else:
            await self._settle("release", lambda: self.queue.release([lease.message]))
            TASKS.labels(name, "released").inc()
        return False

    def _complete(self, lease: Lease, name: str, outcome: str) -> None:
        def settled(completed: bool) -> None:  # noqa: FBT001 a callback
            TASKS.labels(name, outcome if completed else "lock_lost").inc()

        lease.stop()
        self.completer.add(lease.message, settled)

    async def _retry(self, lease: Lease, name: str, delay: float) -> bool:
        if await self._settle("retry", lambda: self.queue.retry(lease.message, delay)):
            TASKS.labels(name, "retried").inc()
        else:
            TASKS.labels(name, "lock_lost").inc()
        return False

    async def _dead_letter(self, lease: Lease, name: str, reason: str, description: str) -> bool:
        message = lease.message
        _log.error("dead letter", extra={"reason": reason, "description": description})
        moved = await self._settle(
            "dead_letter", lambda: self.queue.dead_letter(message, reason, description)
        )
        TASKS.labels(name, "dead_lettered" if moved else "lock_lost").inc()
        return moved

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
                    await asyncio.sleep(backoff(attempt, 0.5, 5, self.rand))
            else:
                return True
        return False

    def _busy_delay(self) -> float:
        return self.queue.lock_seconds * (0.5 + self.rand() / 2)


def _describe(error: Exception) -> str:
    text = f"{type(error).__qualname__}: {error}"[:MAX_DESCRIPTION]
    # Brokers refuse control characters in attributes, and people in terminals do not like them.
    return "".join(each if each.isprintable() else " " for each in text)
