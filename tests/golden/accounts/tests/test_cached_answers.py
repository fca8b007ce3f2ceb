"""Answers before routing: only where nothing is left out."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.security import HTTPBearer

from accounts.cached_answers import Answer, answer_from_cache
from accounts.database import Position
from accounts.database.http import After

PATH = "/v1/things/{number}"


async def may_read() -> None:
    """What must not be left out."""


async def checked(_: Annotated[None, Depends(may_read)]) -> None:
    """What depends on it."""


async def find(_key: str, _position: Position) -> Answer | None:
    return None


async def get_thing(number: int, _: After) -> int:
    return number


async def get_with_login(number: int, _: Annotated[None, Security(HTTPBearer())]) -> int:
    return number


def test_what_the_position_depends_on_is_no_obstacle() -> None:
    app = FastAPI()
    app.get(PATH)(get_thing)
    answer_from_cache(app, PATH, find)


@pytest.mark.parametrize("place", ["app", "include", "router", "route", "below", "parameter"])
def test_a_route_with_dependencies_is_refused(place: str) -> None:
    given = [Depends(may_read)]
    app = FastAPI(dependencies=given if place == "app" else None)
    router = APIRouter(dependencies=given if place == "router" else None)
    router.add_api_route(
        "/{number}",
        get_with_login if place == "parameter" else get_thing,
        dependencies={"route": given, "below": [Depends(checked)]}.get(place),
    )
    outer = APIRouter()
    outer.include_router(router, prefix="/things")
    app.include_router(outer, prefix="/v1", dependencies=given if place == "include" else None)
    name = "HTTPBearer" if place == "parameter" else "may_read"
    with pytest.raises(TypeError, match=rf"GET {PATH} depends on .*{name}"):
        answer_from_cache(app, PATH, find)


def test_there_has_to_be_a_route() -> None:
    app = FastAPI()
    app.post(PATH)(get_thing)
    with pytest.raises(TypeError, match="no route"):
        answer_from_cache(app, PATH, find)
