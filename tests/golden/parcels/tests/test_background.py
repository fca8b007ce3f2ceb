"""The API enqueues tasks; without a broker it also runs them."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI, Request

from parcels.settings import Settings
from parcels.tasks import TASKS
from parcels.worker.registry import UnknownTaskError
from tests.bench import Note
from tests.support import client_for

if TYPE_CHECKING:
    from parcels.task_queue import TaskQueue


def _enqueuing(app: FastAPI, _: Settings) -> None:
    async def enqueue(request: Request) -> str:
        tasks: TaskQueue = request.app.state.tasks
        try:
            await tasks.enqueue(Note())
        except UnknownTaskError as error:
            return str(error)
        return "enqueued"

    app.add_api_route("/enqueue", enqueue, methods=["POST"])


async def test_routes_have_a_queue_with_the_tasks_of_this_service() -> None:
    async with client_for(Settings(), _enqueuing) as client:
        answer = await client.post("/enqueue")
    assert answer.json() == "no task takes Note"


async def test_without_a_broker_a_worker_runs_in_here() -> None:
    async with client_for(Settings(), _enqueuing) as client:
        tasks: TaskQueue = client.app.state.tasks  # type: ignore[attr-defined]  # set by support.py
        assert list(tasks.registry) == list(TASKS)
        assert "worker" in {task.get_name() for task in asyncio.all_tasks()}
        await tasks.queue.check()
    assert "worker" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_outside_of_local_runs_the_queue_has_to_be_a_broker() -> None:
    """See process.py for the worker; the API does not start either."""
    with pytest.raises(RuntimeError, match="no broker is configured"):
        async with client_for(Settings(environment="prod"), _enqueuing):
            pytest.fail("it started")
