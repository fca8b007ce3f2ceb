"""Conditional requests (RFC 9110, section 13): nobody overwrites what he has not seen.

    GET  …  If-None-Match: "1.7"    304 when that is still the version, and nothing is sent again
    PUT  …  If-Match: "1.7"         412 when somebody has changed it since, 428 without the header

`If-Match: *` asks for no version: the client says that it does not care what it overwrites.
"""

import re
from typing import Annotated, Any

from fastapi import Header, Response

from .problems import ProblemError

MAX_TAGS = 512
"""Characters of a header; more than anybody needs."""

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"\s*(?:\*|{_TAG}(?:\s*,\s*{_TAG})*)\s*")
_TAGS = re.compile(_TAG)

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=MAX_TAGS,
        description="Required. The `ETag` of what is to be changed, as it was read.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=MAX_TAGS,
        description="The `ETag` of what the client has; 304 when it is current.",
    ),
]

ETAG_HEADER: dict[str, Any] = {
    "ETag": {"description": "The version, for preconditions.", "schema": {"type": "string"}}
}
"""For the `headers` of a documented response."""

REVALIDATE = "private, no-cache"
"""Cache-Control of what has an ETag: the client may keep it, and asks each time if it holds."""


def entity_tag(form: int, version: int) -> str:
    """A strong tag: it changes with the data, and with the form in which they are shown."""
    return f'"{form}.{version}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has this version already."""
    if if_none_match is None:
        return False
    # For reading, a weak tag will do as well: proxies that compress make one of a strong one.
    tags = (known.removeprefix("W/") for known in _TAGS.findall(if_none_match))
    return if_none_match.strip() == "*" or tag in tags


def unless_known(tag: str, body: bytes, if_none_match: str | None) -> Response:
    """The answer to a GET: JSON with its ETag, or 304 when the client has this version already."""
    headers = {"etag": tag, "cache-control": REVALIDATE}
    if is_known(if_none_match, tag):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def required_match(if_match: str | None) -> str:
    """The header, checked for its form: 428 when there is none, 400 when it is no list of tags."""
    if if_match is None:
        raise ProblemError(428, "Send If-Match with the ETag of what you have read.")
    if not _LIST.fullmatch(if_match):
        raise ProblemError(400, "If-Match is not a list of ETags; they are written in quotes.")
    return if_match


def check_match(if_match: str, tag: str) -> None:
    """412 unless the precondition names this version. A weak tag never does."""
    if if_match.strip() != "*" and tag not in _TAGS.findall(if_match):
        detail = "It was changed since you read it. Read it again, and decide again."
        raise ProblemError(412, detail, headers={"etag": tag})
