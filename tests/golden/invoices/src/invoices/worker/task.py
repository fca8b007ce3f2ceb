"""What a task is: a name, a payload, a handler, and what happens when the handler fails."""

import inspect
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel

if TYPE_CHECKING:
    from ..tasks.resources import Resources

P = TypeVar("P", bound=BaseModel)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_PARAMETERS = 2


class PermanentError(Exception):
    """Raise it, or a class derived from it, when no further attempt can succeed.

    The message goes to the dead letters at once; its text is what whoever looks there reads.
    """


class TaskDefinitionError(TypeError):
    """A task that could not work, found when the program starts and not when a message comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a failed task is tried again. What is not said here is as the settings say."""

    max_attempts: int | None = None
    """The first one included; after the last the message goes to the dead letters. As many again
    may be cut off, by a deployment say. The worker does not start when it is above
    `APP_QUEUE_MAX_DELIVERIES`, where the broker itself gives up."""
    base_seconds: float | None = None
    """Longest wait before the second attempt; it doubles with each further one."""
    cap_seconds: float | None = None
    """Longest wait before any attempt."""
    permanent: tuple[type[Exception], ...] = ()
    """Errors after which no attempt can succeed, besides PermanentError."""

    def __post_init__(self) -> None:
        if self.max_attempts is not None and self.max_attempts < 1:
            raise TaskDefinitionError("max_attempts counts the first attempt, so it is at least 1")
        if any(each is not None and each <= 0 for each in (self.base_seconds, self.cap_seconds)):
            raise TaskDefinitionError("base_seconds and cap_seconds have to be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext:
    """What a handler may know about the attempt that it is. Tests make their own."""

    task: str
    message_id: str
    idempotency_key: str
    """The same at every attempt: hand it on to whoever must not do the work twice either."""
    resources: "Resources"
    """What tasks/resources.py opened for this process."""
    attempt: int = 1
    max_attempts: int = 1
    seconds_left: Callable[[], float] = field(default=lambda: math.inf, repr=False)

    def time_left(self) -> float:
        """Seconds until this attempt is cancelled, or taken for stuck; for timeouts of calls."""
        return max(0.0, self.seconds_left())


Handler = Callable[[P, TaskContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Task(Generic[P]):
    """A registered handler. Call it like the function that it was made from."""

    name: str
    payload: type[P]
    handler: Handler[P]
    retry: Retry
    timeout_seconds: float | None

    async def __call__(self, payload: P, context: TaskContext) -> None:
        """Run the handler."""
        await self.handler(payload, context)


def task(
    name: str, *, retry: Retry | None = None, timeout_seconds: float | None = None
) -> Callable[[Handler[P]], Task[P]]:
    """Make a task of `async def handler(payload: SomeModel, context: TaskContext) -> None`.

    The name is part of every message, so renaming a task needs both names for as long as messages
    with the old one may be around. An attempt that takes longer than `timeout_seconds` is cancelled
    and counts as failed. List the task in tasks/__init__.py.
    """
    if not _NAME.fullmatch(name):
        raise TaskDefinitionError(f"{name!r}: a task's name is snake_case, 100 characters at most")
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise TaskDefinitionError(f"{name}: timeout_seconds has to be above 0")

    def decorate(handler: Handler[P]) -> Task[P]:
        payload: type[P] = _payload_type(name, handler)
        return Task(name, payload, handler, retry or Retry(), timeout_seconds)

    return decorate


def _payload_type(name: str, handler: Callable[..., object]) -> type[Any]:
    if not inspect.iscoroutinefunction(handler):
        raise TaskDefinitionError(f"{name}: the handler has to be `async def`")
    parameters = list(inspect.signature(handler).parameters.values())
    if len(parameters) != _PARAMETERS or any(
        each.kind is not each.POSITIONAL_OR_KEYWORD for each in parameters
    ):
        raise TaskDefinitionError(f"{name}: the handler takes two arguments, payload and context")
    try:
        hints = get_type_hints(handler)
    except NameError as error:
        message = f"{name}: an annotation has to be imported at run time: {error}"
        raise TaskDefinitionError(message) from None
    payload, context = (hints.get(each.name) for each in parameters)
    if not (isinstance(payload, type) and issubclass(payload, BaseModel)):
        raise TaskDefinitionError(f"{name}: annotate the payload with a pydantic model")
    if context is not TaskContext:
        raise TaskDefinitionError(f"{name}: annotate the second argument with TaskContext")
    if hints.get("return") is not type(None):
        raise TaskDefinitionError(f"{name}: the handler returns None: nobody receives a result")
    return payload
