"""What clients do with the service's items."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.generated.data.api import Answer, Api

_numbers = count(1)


def new_name() -> str:
    """One that no other test uses: they share a database."""
    return f"item {next(_numbers)}"


def create(api: Api, name: str = "", **headers: str) -> Answer:
    """A new item; the answer's `location` is its address."""
    answer = api.ask("POST", "/v1/items", {"name": name or new_name(), "quantity": 0}, **headers)  # type: ignore[arg-type]
    assert answer.status == 201, answer
    return answer


def replace(api: Api, item: Answer, quantity: int, tag: str, **headers: str) -> Answer:
    """Give it another quantity, if its version is still this one."""
    content = {"name": item.json["name"], "quantity": quantity}
    return api.ask("PUT", address(item), content, If_Match=tag, **headers)  # type: ignore[arg-type]


def get(api: Api, item: Answer, **headers: str) -> Answer:
    """As it is now."""
    return api.ask("GET", address(item), **headers)  # type: ignore[arg-type]


def address(item: Answer) -> str:
    """Of an item, from the answer to its creation."""
    return item.headers["location"]


def listed(api: Api, name: str, cursor: str = "", limit: int = 100, **headers: str) -> Mapping[str, Any]:
    """A page of the items of a name."""
    query = f"name={name.replace(' ', '%20')}&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    answer = api.ask("GET", f"/v1/items?{query}", **headers)  # type: ignore[arg-type]
    assert answer.status == 200, answer
    page: Mapping[str, Any] = answer.json
    return page
