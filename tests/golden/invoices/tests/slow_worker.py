"""The worker as a process, with tasks of its own: `python -m tests.slow_worker`."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from invoices.startup import read_settings
from invoices.worker import Retry, TaskContext, task
from invoices.worker.process import run_worker
from tests.bench import NO_RESOURCES


class Sleep(BaseModel):
    """How long."""

    seconds: float


@task("sleep")
async def sleep(payload: Sleep, _context: TaskContext) -> None:
    """Take that long."""
    await asyncio.sleep(payload.seconds)
    logging.getLogger(__name__).info("slept")


class Persist(BaseModel):
    """Nothing to say."""


@task("persist", retry=Retry(max_attempts=20))
async def persist(_payload: Persist, _context: TaskContext) -> None:
    """As often as the broker of a fresh service delivers a message."""


@asynccontextmanager
async def no_resources(*_: object) -> AsyncIterator[Any]:
    """These tasks need none."""
    yield NO_RESOURCES


if __name__ == "__main__":
    sys.exit(run_worker(read_settings(), [sleep, persist], no_resources))
