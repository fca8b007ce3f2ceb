"""What the API has of the background: `request.app.state.tasks`, the `TaskQueue` of its routes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .health import HealthChecks
from .idempotency_keys import open_idempotency_store
from .queue import Queue, open_queue
from .queue.memory import MemoryQueue
from .settings import Settings
from .task_queue import TaskQueue
from .tasks import TASKS
from .tasks.resources import open_resources
from .worker.equipment import Equipment
from .worker.registry import Registry
from .worker.runtime import Worker

_log = logging.getLogger(__name__)


@asynccontextmanager
async def background(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """While the block runs, tasks can be enqueued.

    The broker is no readiness check: most requests do well without it, and one that does not gets
    BrokerUnavailable and answers accordingly.
    """
    queue, registry = open_queue(settings), Registry(TASKS)
    if isinstance(queue, MemoryQueue) and settings.environment != "local":
        raise RuntimeError("no broker is configured, and a queue in this process would lose tasks")
    app.state.tasks = TaskQueue(queue, registry, settings)
    try:
        if isinstance(queue, MemoryQueue):
            async with _worker_in_here(queue, registry, settings):
                yield
        else:
            yield
    finally:
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
