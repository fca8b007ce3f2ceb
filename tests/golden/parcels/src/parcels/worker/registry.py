"""The tasks of this service, by name and by payload."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from .task import Task, TaskDefinitionError


class UnknownTaskError(LookupError):
    """No task has this name or takes this payload; see tasks/__init__.py."""


class Registry:
    """Immutable. Two tasks can share neither a name nor a payload type."""

    def __init__(self, tasks: Iterable[Task[Any]]) -> None:
        self._by_name: dict[str, Task[Any]] = {}
        self._by_payload: dict[type[BaseModel], Task[Any]] = {}
        for each in tasks:
            if each.name in self._by_name:
                raise TaskDefinitionError(f"there are two tasks named {each.name!r}")
            if other := self._by_payload.get(each.payload):
                raise TaskDefinitionError(
                    f"{each.name!r} and {other.name!r} share the payload {each.payload.__name__}: "
                    "a producer could not say which one it means"
                )
            self._by_name[each.name] = self._by_payload[each.payload] = each

    def __iter__(self) -> Iterator[Task[Any]]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Task[Any]:
        """The task, or UnknownTaskError."""
        try:
            return self._by_name[name]
        except KeyError:
            tasks = ", ".join(self._by_name)
            raise UnknownTaskError(f"there is no task {name!r}; the tasks are: {tasks}") from None

    def taking(self, payload: type[BaseModel]) -> Task[Any]:
        """The task for a payload, or UnknownTaskError."""
        try:
            return self._by_payload[payload]
        except KeyError:
            raise UnknownTaskError(f"no task takes {payload.__name__}") from None
