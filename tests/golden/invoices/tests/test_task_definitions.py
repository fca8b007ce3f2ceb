"""A task that could not work is refused when the program starts."""

# ruff: noqa: ARG001 the handlers are wrong on purpose
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from invoices.settings import Settings
from invoices.tasks import TASKS
from invoices.worker import Retry, TaskContext, task
from invoices.worker.registry import Registry, UnknownTaskError
from invoices.worker.retry import beyond_the_broker
from invoices.worker.task import TaskDefinitionError


class Hello(BaseModel):
    """A payload."""


class Bye(BaseModel):
    """Another."""


async def right(payload: Hello, context: TaskContext) -> None:
    """A handler as it should be."""


async def other(payload: Bye, context: TaskContext) -> None:
    """One for the other payload."""


def _not_async(payload: Hello, context: TaskContext) -> None: ...


async def _one(payload: Hello) -> None: ...


async def _many(payload: Hello, context: TaskContext, *more: int) -> None: ...


async def _no_model(payload: dict[str, str], context: TaskContext) -> None: ...


async def _no_context(payload: Hello, context: object) -> None: ...


async def _result(payload: Hello, context: TaskContext) -> int:
    return 1


def _annotated(**payload: str) -> Callable[..., Any]:
    """A handler whose payload has another annotation, or none."""

    async def handler(payload: Hello, context: TaskContext) -> None: ...

    del handler.__annotations__["payload"]
    handler.__annotations__.update(payload)
    return handler


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (_not_async, "async def"),
        (_one, "two arguments"),
        (_many, "two arguments"),
        (_annotated(), "pydantic model"),
        (_no_model, "pydantic model"),
        (_no_context, "TaskContext"),
        (_result, "returns None"),
        (_annotated(payload="Nowhere"), "Nowhere"),
    ],
)
def test_a_wrong_handler_is_refused(handler: Callable[..., Any], said: str) -> None:
    with pytest.raises(TaskDefinitionError, match=said):
        task("hello")(handler)


@pytest.mark.parametrize("name", ["", "Hello", "send-invoice", "a" * 101, "a.b", "1st", "a\n"])
def test_a_name_is_snake_case(name: str) -> None:
    with pytest.raises(TaskDefinitionError, match="snake_case"):
        task(name)


def test_times_and_numbers_have_bounds() -> None:
    with pytest.raises(TaskDefinitionError, match="timeout_seconds"):
        task("hello", timeout_seconds=0)
    with pytest.raises(TaskDefinitionError, match="max_attempts"):
        Retry(max_attempts=0)
    with pytest.raises(TaskDefinitionError, match="cap_seconds"):
        Retry(cap_seconds=-1)


def test_the_broker_has_the_last_word_on_attempts() -> None:
    settings = Settings(queue_max_deliveries=20, worker_max_attempts=5)
    often, usual = task("hello", retry=Retry(max_attempts=21))(right), task("bye")(other)
    [fault] = beyond_the_broker([often, usual], settings)
    assert fault.startswith("hello wants 21 attempts, and the broker sets a message aside after 20")
    most = task("hello", retry=Retry(max_attempts=20))(right)
    assert beyond_the_broker([most, usual], settings) == []


def test_no_task_of_this_service_wants_more() -> None:
    most: int = Settings.model_fields["queue_max_deliveries"].default
    assert beyond_the_broker(TASKS, Settings(queue_max_deliveries=most)) == []


def test_names_and_payloads_belong_to_one_task() -> None:
    with pytest.raises(TaskDefinitionError, match="two tasks named 'hello'"):
        Registry([task("hello")(right), task("hello")(other)])
    with pytest.raises(TaskDefinitionError, match="share the payload Hello"):
        Registry([task("hello")(right), task("hi")(right)])


def test_tasks_are_found_by_name_and_by_payload() -> None:
    hello, bye = task("hello")(right), task("bye")(other)
    registry = Registry([hello, bye])
    assert (registry.named("hello"), registry.taking(Bye)) == (hello, bye)
    assert [each.name for each in registry] == ["hello", "bye"]
    with pytest.raises(UnknownTaskError, match="there is no task 'hi'"):
        registry.named("hi")
    with pytest.raises(UnknownTaskError, match="BaseModel"):
        registry.taking(BaseModel)
