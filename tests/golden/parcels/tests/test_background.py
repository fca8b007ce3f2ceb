"""The API enqueues tasks; without a broker it also runs them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import FastAPI, Header

from parcels import background
from parcels.background import RequestTasks, Tasks
from parcels.queue import BrokerUnavailable, OutgoingMessage, Queue
from parcels.queue.memory import MemoryQueue
from parcels.settings import Settings
from parcels.tasks import TASKS
from parcels.worker.registry import Registry, UnknownTaskError
from tests.bench import Note, Seen, noting
from tests.support import client_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from httpx import AsyncClient

    from parcels.task_queue import TaskQueue

SETTINGS = Settings(queue_ordered=False)


def _enqueuing(app: FastAPI, _: Settings) -> None:
    async def enqueue(tasks: Tasks, key: Annotated[str | None, Header()] = None) -> str:
        try:
            return await tasks.enqueue(Note(), key=key)
        except UnknownTaskError as error:
            return str(error)

    app.add_api_route("/enqueue", enqueue, methods=["POST"])


class Broker(MemoryQueue):
    """A broker whose answers to a send the test decides."""

    def __init__(self, answer: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(60)
        self.answer = answer
        self.took = asyncio.Event()

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """See Queue."""
        await self.answer()
        await super().send(messages)
        self.took.set()


@asynccontextmanager
async def client_of(queue: Queue, settings: Settings = SETTINGS) -> "AsyncIterator[AsyncClient]":
    """A client of an API that has this queue, and the task of the tests."""
    async with client_for(settings, _enqueuing) as client:
        tasks = RequestTasks(queue, Registry([noting(Seen())]), settings)
        client.app.state.tasks = tasks  # type: ignore[attr-defined]  # set by support.py
        yield client
        await tasks.settle(0)


async def _refuse() -> None:
    raise BrokerUnavailable("connection refused")


async def test_routes_have_a_queue_with_the_tasks_of_this_service() -> None:
    async with client_for(SETTINGS, _enqueuing) as client:
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


async def test_a_broker_that_is_away_is_a_503_that_says_when_to_come_back() -> None:
    async with client_of(Broker(_refuse)) as client:
        answer = await client.post("/enqueue")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "refused" not in answer.text, "what is wrong inside is nobody's business"


async def test_what_the_queue_would_not_take_is_a_422() -> None:
    async with client_of(Broker(_refuse)) as client:
        answer = await client.post("/enqueue", headers={"key": "a b"})
    assert answer.status_code == 422
    assert "visible ASCII" in answer.json()["detail"]


async def test_a_broker_that_hangs_is_a_503_in_time_and_the_task_is_sent_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "SEND_SECONDS", 0.05)
    answered = asyncio.Event()
    broker = Broker(answered.wait)
    async with client_of(broker) as client:
        assert (await client.post("/enqueue")).status_code == 503
        assert not broker.took.is_set()
        answered.set()
        await asyncio.wait_for(broker.took.wait(), 5)


async def test_what_waits_for_a_broker_that_hangs_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "SEND_SECONDS", 0.05)
    monkeypatch.setattr(background, "LATE_SENDS", 2)
    broker = Broker(asyncio.Event().wait)
    async with client_of(broker) as client:
        answers = await asyncio.gather(*(client.post("/enqueue") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {503}
        tasks: RequestTasks = client.app.state.tasks  # type: ignore[attr-defined]  # as above
        assert len(tasks._sending) == 2


async def test_no_request_waits_longer_than_half_of_its_time() -> None:
    settings = SETTINGS.model_copy(update={"request_timeout_seconds": 0.2})
    async with client_of(Broker(asyncio.Event().wait), settings) as client:
        answer = await client.post("/enqueue")
    assert answer.status_code == 503, "504 would be the timeout of the request"
