"""Answers out of the cache, before routing.

To find a route, check parameters, make models and write them as JSON takes FastAPI longer than the
cache takes to answer. So a resource that is kept as its clients get it is looked for here. What is
known goes out as it is. Everything else goes on to the route: what is not known, what does not
exist, and whatever is irregular about a request, which the route knows how to refuse.

So nothing that a route depends on happens for an answer from here; a route with dependencies is not
accepted. Whoever may not read is refused before: by a middleware, or by `caller()` in caller.py,
which is asked here as well.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, Self, TypeAlias

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .database import Position
from .database.http import CONSISTENCY_TOKEN, read_position
from .preconditions import MAX_TAGS, unless_known
from .problems import ProblemError


class Answer(NamedTuple):
    """A resource as its clients get it. It is kept as its ETag, a line feed, and a JSON object."""

    tag: str
    body: bytes

    def encode(self) -> bytes:
        """As it is kept."""
        return b"%b\n%b" % (self.tag.encode("ascii"), self.body)

    @classmethod
    def decode(cls, kept: bytes) -> Self:
        """What was kept; ValueError when that is something else."""
        tag, _, body = kept.partition(b"\n")
        if not (tag[:1] == b'"' == tag[-1:] and body[:1] == b"{" and body[-1:] == b"}"):
            raise ValueError("no answer")
        return cls(tag.decode("ascii"), body)


Find: TypeAlias = Callable[[str, Position], Awaitable[Answer | None]]
"""What is known under a key, if it shows everything up to a position."""

_KEY = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""A UUID as keys are written. Other spellings of it are the route's business."""


_REPLACED: frozenset[object] = frozenset({read_position})
"""Dependencies that are seen to here as well."""


def answer_from_cache(app: FastAPI, path: str, find: Find) -> None:
    """Have `GET` of a path answered out of the cache; call it when the route is there.

    Raises:
        TypeError: when there is no such route, or it depends on something that would be left out.
    """
    routes = [
        route
        for route in iter_route_contexts(app.routes)
        if route.path == path and "GET" in (route.methods or ())
    ]
    if not routes:
        raise TypeError(f"there is no route GET {path}")
    left_out = {_name(call) for route in routes for call in _calls(route.dependant)}
    if left_out:
        names = ", ".join(sorted(left_out))
        raise TypeError(
            f"GET {path} depends on {names}, and answers from the cache do not:"
            " let a middleware do that, or take answer_from_cache out of routes.py"
        )
    app.add_middleware(CachedAnswers, path=path, find=find)


def _calls(dependant: Dependant | None) -> Iterator[object]:
    for inner in dependant.dependencies if dependant else ():
        if inner.call not in _REPLACED:
            yield inner.call
        yield from _calls(inner)


def _name(call: object) -> str:
    return str(getattr(call, "__qualname__", type(call).__qualname__))


class CachedAnswers:
    """For `GET` of one resource.

    Args:
        app: What answers everything else.
        path: The template of the route: `/v1/items/{item_id}`.
        find: Looks an answer up by the parameter of the path.
    """

    def __init__(self, app: ASGIApp, path: str, find: Find) -> None:
        self.app = app
        self.path = path
        before, _, rest = path.partition("{")
        after = rest.partition("}")[2]
        self._pattern = re.compile(f"{re.escape(before)}({_KEY}){re.escape(after)}")
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._look(scope) if scope["type"] == "http" else None
        await (answer or self.app)(scope, receive, send)

    async def _look(self, scope: Scope) -> Response | None:
        match = self._pattern.fullmatch(scope["path"])
        if match is None or scope["method"] != "GET":
            return None
        request = Request(scope)
        known = request.headers.get("if-none-match")
        if known is not None and len(known) > MAX_TAGS:
            return None
        try:
            position = await read_position(request, request.headers.get(CONSISTENCY_TOKEN))
        except ProblemError:
            return None
        answer = await self._find(match[1], position)
        if answer is None:
            return None
        scope["route"] = self  # Metrics and logs ask it for its `path`.
        return unless_known(answer.tag, answer.body, known)
