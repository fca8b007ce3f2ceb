"""Cursor pagination: stable while others insert and delete, and equally fast on every page."""

import base64
import binascii
import json
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from .problems import ProblemError

T = TypeVar("T")

MAX_LIMIT = 100
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Entries on a page, at most.")]
CursorParameter = Annotated[
    str | None,
    Query(max_length=512, description="`next_cursor` of the page before; leave out for the first."),
]


class Page(BaseModel, Generic[T]):
    """Part of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last one.")


def encode_cursor(*key: str) -> str:
    """The sort key of the last entry on a page, opaque so that clients do not build their own."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> tuple[str, ...]:
    """The sort key in a cursor; 400 when it is not one of ours.

    Cursors are not signed: a forged one can only skip to a place the caller may read anyway.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if isinstance(key, list) and len(key) == length and all(isinstance(k, str) for k in key):
        return tuple(key)
    raise ProblemError(400, "The cursor is not valid; start again without one.")
