"""The worker as a process: opens everything, works until a signal, closes everything."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

import uvloop
from opentelemetry.trace import NoOpTracer, Tracer

from ..health import HealthChecks
from ..idempotency_keys import open_idempotency_store
from ..metrics import INFO, metrics_server
from ..queue import BrokerUnavailable, open_queue
from ..queue.memory import MemoryQueue
from ..settings import Settings
from ..startup import EX_CONFIG, start_logging
from ..task_queue import TaskQueue
from ..tasks import TASKS
from ..tasks.resources import Resources, open_resources
from ..tracing import build_tracer_provider, close_tracing
from .equipment import Equipment
from .local import LocalDoor
from .probes import Probes
from .reachability import QUEUE
from .registry import Registry
from .responder import Respond, responding
from .retry import beyond_the_broker
from .runtime import Worker
from .sampler import sampling
from .task import Task

OpenResources = Callable[[Settings, HealthChecks], AbstractAsyncContextManager[Resources]]
"""What `tasks/resources.py` provides; tests bring their own."""

_log = logging.getLogger(__name__)


def run_worker(
    settings: Settings,
    tasks: Iterable[Task[Any]] = TASKS,
    resources: OpenResources = open_resources,
) -> int:
    """Returns the exit code: 0 told to stop, 1 told twice, 78 it could not work as configured."""
    registry = Registry(tasks)
    start_logging(settings)
    if settings.environment != "local" and isinstance(open_queue(settings), MemoryQueue):
        _log.critical("no broker is configured, and a queue in this process would lose its tasks")
        return EX_CONFIG
    if faults := beyond_the_broker(registry, settings):
        _log.critical("tasks want more attempts than the broker allows", extra={"tasks": faults})
        return EX_CONFIG
    provider = build_tracer_provider(settings)
    try:
        with (
            metrics_server(settings.host, settings.metrics_port),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            tracer = provider.get_tracer(__name__) if provider else NoOpTracer()
            return runner.run(_work(settings, registry, resources, tracer))
    finally:
        # Only now have all spans ended.
        close_tracing(provider)


async def _work(
    settings: Settings, registry: Registry, resources: OpenResources, tracer: Tracer
) -> int:
    INFO.labels(settings.version).set(1)
    health = HealthChecks()
    async with AsyncExitStack() as stack:
        queue = open_queue(settings)
        stack.push_async_callback(queue.close)
        store = open_idempotency_store(settings)
        stack.push_async_callback(store.close)
        equipment = Equipment(
            settings=settings,
            queue=queue,
            store=store,
            registry=registry,
            resources=await stack.enter_async_context(resources(settings, health)),
            tracer=tracer,
        )
        health.add("queue and idempotency store", equipment.reachability.check)
        worker = Worker(equipment)
        stack.enter_context(_signals(worker))
        await stack.enter_async_context(_answering(equipment, health))
        await stack.enter_async_context(sampling(queue))
        await _look_at(equipment)
        # What start-up made lives as long as the process: the garbage collector need not visit it.
        gc.collect()
        gc.freeze()
        equipment.lifecycle.started = True
        names = [task.name for task in registry]
        _log.info("working", extra={"tasks": names, "concurrency": settings.worker_concurrency})
        return await worker.run()


@contextmanager
def _signals(worker: Worker) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    try:
        yield
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)


@asynccontextmanager
async def _answering(equipment: Equipment, health: HealthChecks) -> AsyncIterator[None]:
    settings, queue = equipment.settings, equipment.queue
    respond: Respond = Probes(equipment, health).respond
    max_body = 0
    if isinstance(queue, MemoryQueue):
        # Nobody outside of this process reaches its queue in any other way.
        respond = LocalDoor(TaskQueue(queue, equipment.registry, settings), respond).respond
        max_body = settings.queue_max_message_bytes
        _log.info("no broker: POST tasks to /tasks/NAME", extra={"port": settings.health_port})
    host, port = settings.host, settings.health_port
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(responding(host, port, respond, max_body=max_body))
        except OSError as error:
            _log.critical("cannot answer probes on %s:%d (APP_HEALTH_PORT): %s", host, port, error)
            sys.exit(1)
        yield


async def _look_at(equipment: Equipment) -> None:
    """So that readiness does not have to wait for the end of the first long poll."""
    try:
        await equipment.queue.check()
    except BrokerUnavailable:
        equipment.reachability.failed(QUEUE)
        _log.warning("queue does not answer", exc_info=True, extra={"call": "check"})
