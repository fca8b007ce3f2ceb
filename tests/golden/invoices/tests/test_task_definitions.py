"""A task that could not work is refused when the program starts."""

# ruff: noqa: ANN001, ARG001 the handlers are wrong on purpose
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from invoices.worker import Retry, TaskContext, task
from invoices.worker.registry import Registry, UnknownTaskError
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


async def _bare(payload, context: TaskContext) -> None: ...  # type: ignore[no-untyped-def]  # wrong


async def _no_model(payload: dict[str, str], context: TaskContext) -> None: ...


async def _no_context(payload: Hello, context: object) -> None: ...


async def _result(payload: Hello, context: TaskContext) -> int:
    return 1


def _imported_for_the_type_checker_alone() -> Callable[..., Any]:
    async def unknown(payload: Hello, context: TaskContext) -> None: ...

    unknown.__annotations__["payload"] = "Nowhere"
    return unknown


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (_not_async, "async def"),
        (_one, "two arguments"),
        (_many, "two arguments"),
        (_bare, "pydantic model"),
        (_no_model, "pydantic model"),
        (_no_context, "TaskContext"),
        (_result, "returns None"),
        (_imported_for_the_type_checker_alone(), "Nowhere"),
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
