"""A worker on a bench: the real one, on the in-process queue, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from parcels.idempotency_keys import (
    IdempotencyStore,
    MemoryIdempotencyStore,
)
from parcels.queue import Queue
from parcels.queue.memory import MemoryQueue
from parcels.settings import Settings
from parcels.task_queue import TaskQueue
from parcels.worker import Retry, Task, TaskContext, task
from parcels.worker.equipment import Equipment
from parcels.worker.registry import Registry
from parcels.worker.runtime import Worker
from tests.virtual_time import clock, elapsed

LOCK = 60.0
Body = Callable[["Note", TaskContext], Awaitable[None]]


class Note(BaseModel):
    """The payload of the tasks in these tests."""

    text: str = ""


@dataclass
class Seen:
    """What a handler has been called with, and when."""

    texts: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    contexts: list[TaskContext] = field(default_factory=list)
    cancelled: int = 0
    running: int = 0
    most: int = 0
    ended: int = 0


def noting(
    seen: Seen, body: Body | None = None, retry: Retry | None = None, timeout: float | None = None
) -> Task[Note]:
    """The task `note`, which remembers its calls and then does what the body does."""

    @task("note", retry=retry, timeout_seconds=timeout)
    async def note(payload: Note, context: TaskContext) -> None:
        seen.texts.append(payload.text)
        seen.times.append(elapsed())
        seen.contexts.append(context)
        seen.running += 1
        seen.most = max(seen.most, seen.running)
        try:
            if body is not None:
                await body(payload, context)
            seen.ended += 1
        except asyncio.CancelledError:
            seen.cancelled += 1
            raise
        finally:
            seen.running -= 1

    return note


def sleeping(seconds: float) -> Body:
    """A body that takes its time."""

    async def body(_note: Note, _context: TaskContext) -> None:
        await asyncio.sleep(seconds)

    return body


def failing(error: BaseException) -> Body:
    """A body that fails every time."""

    async def body(_note: Note, _context: TaskContext) -> None:
        raise error

    return body


@dataclass
class Bench:
    """What a test holds in its hands."""

    equipment: Equipment
    worker: Worker
    tasks: TaskQueue
    running: asyncio.Task[int]

    @property
    def queue(self) -> Queue:
        """The queue that the worker reads."""
        return self.equipment.queue

    async def stopped(self) -> int:
        """Tell the worker to stop and wait until it has."""
        self.worker.stop()
        return await self.running

    async def until_empty(self, patience: float = 100_000) -> None:
        """Until the queue holds nothing more."""
        async with asyncio.timeout(patience):
            while True:
                stats = await self.queue.stats()
                if not (stats.visible or stats.in_flight or stats.delayed):
                    return
                await asyncio.sleep(0.05)

    async def letters(self) -> list[tuple[str, str]]:
        """Reason and description of every dead letter."""
        return [(each.reason, each.description) for each in await self.queue.dead_letters(100)]


@asynccontextmanager
async def working(
    *tasks: Task[Any],
    queue: Queue | None = None,
    store: IdempotencyStore | None = None,
    dice: float = 1.0,
    **settings: Any,  # noqa: ANN401 the fields of Settings
) -> AsyncIterator[Bench]:
    """A worker that runs; the dice always show the same."""
    chosen = Settings(**settings)
    loop_clock = asyncio.get_running_loop().time
    equipment = Equipment(
        settings=chosen,
        queue=queue or MemoryQueue(LOCK, ordered=chosen.queue_ordered, clock=clock),
        store=store or MemoryIdempotencyStore(86_400, clock=loop_clock),
        registry=Registry(tasks),
        resources=NO_RESOURCES,
        clock=clock,
        rand=lambda: dice,
    )
    worker = Worker(equipment)
    producer = TaskQueue(equipment.queue, equipment.registry, chosen)
    running = asyncio.create_task(worker.run())
    try:
        yield Bench(equipment, worker, producer, running)
    finally:
        worker.stop()
        await running


NO_RESOURCES: Any = None
"""Tasks of these tests need none, whatever yours need."""
