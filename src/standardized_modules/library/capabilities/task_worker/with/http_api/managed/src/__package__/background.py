"""What the API has of the background: the `TaskQueue` of its routes, as the dependency `Tasks`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

from .health import HealthChecks
from .idempotency_keys import open_idempotency_store
from .queue import BrokerUnavailable, Queue, open_queue
from .queue.memory import MemoryQueue
from .settings import Settings
from .task_queue import TaskQueue
from .tasks import TASKS
from .tasks.resources import open_resources
from .worker.equipment import Equipment
from .worker.registry import Registry
from .worker.runtime import Worker

SEND_SECONDS = 3.0
"""What a request waits for the broker at most, and never over half of its own time. A send takes
milliseconds, the first one, with its sign-in, about a second."""
LATE_SENDS = 100
"""While so many sends wait for an answer, the broker is away, and others are refused at once: each
holds its message in memory."""

_log = logging.getLogger(__name__)


class RequestTasks(TaskQueue):
    """A TaskQueue for requests, whose time is short: adapters try for most of a minute.

    A send that is late goes on without its request: cut off, it would take the connection with it,
    and each request would begin a new sign-in.
    """

    def __init__(self, queue: Queue, registry: Registry, settings: Settings) -> None:
        super().__init__(queue, registry, settings)
        self._patience = min(SEND_SECONDS, settings.request_timeout_seconds / 2)
        self._sending: set[asyncio.Task[str]] = set()

    async def enqueue(
        self,
        payload: BaseModel,
        *,
        key: str | None = None,
        delay: float = 0.0,
        group: str | None = None,
    ) -> str:
        """See TaskQueue; BrokerUnavailable comes within seconds."""
        if len(self._sending) >= LATE_SENDS:
            raise BrokerUnavailable(f"{LATE_SENDS} sends still wait for an answer")
        send = asyncio.create_task(super().enqueue(payload, key=key, delay=delay, group=group))
        self._sending.add(send)
        send.add_done_callback(self._sending.discard)
        done, _ = await asyncio.wait({send}, timeout=self._patience)
        if not done:
            send.add_done_callback(_report)
            raise BrokerUnavailable(f"no answer within {self._patience:g} s")
        return send.result()

    async def settle(self, seconds: float) -> None:
        """At the end: what has not been sent by then is cut off."""
        if late := set(self._sending):
            await asyncio.wait(late, timeout=seconds)
            for send in late:
                send.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _report(send: asyncio.Task[str]) -> None:
    error = None if send.cancelled() else send.exception()
    outcome = "cut off" if send.cancelled() else "failed" if error else "sent"
    _log.warning("late for its request: %s", outcome, extra={"reason": str(error or "")})


async def get_tasks(request: Request) -> TaskQueue:
    """The queue of the running application."""
    tasks: TaskQueue = request.app.state.tasks
    return tasks


Tasks = Annotated[TaskQueue, Depends(get_tasks)]


@asynccontextmanager
async def background(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """While the block runs, tasks can be enqueued.

    The broker is no readiness check: most requests do well without it, and one that does not is
    answered with 503, see queue_problems.py.
    """
    queue, registry = open_queue(settings), Registry(TASKS)
    if isinstance(queue, MemoryQueue) and settings.environment != "local":
        raise RuntimeError("no broker is configured, and a queue in this process would lose tasks")
    app.state.tasks = tasks = RequestTasks(queue, registry, settings)
    try:
        if isinstance(queue, MemoryQueue):
            async with _worker_in_here(queue, registry, settings):
                yield
        else:
            yield
    finally:
        await tasks.settle(1.0)  # Of the margin in the pod's grace period.
        await queue.close()


@asynccontextmanager
async def _worker_in_here(
    queue: Queue, registry: Registry, settings: Settings
) -> AsyncIterator[None]:
    """A local run without a broker: no other process could take tasks from a queue in this one."""
    _log.info("no broker: tasks run inside of the API's process")
    async with open_resources(settings, HealthChecks()) as resources:
        store = open_idempotency_store(settings)
        worker = Worker(
            Equipment(
                settings=settings, queue=queue, store=store, registry=registry, resources=resources
            )
        )
        running = asyncio.create_task(worker.run(), name="worker")
        try:
            yield
        finally:
            worker.stop()
            await running
            await store.close()
