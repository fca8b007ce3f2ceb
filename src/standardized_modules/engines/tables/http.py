"""As much of HTTP/1.1 as the SDKs use: one request after the other on connections that stay open."""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from standardized_modules.engines.tables.errors import InvalidInputError, MissingLengthError, TableError, TooLargeError

MAX_HEAD = 65_536  # bytes; queries stand in it
MAX_BODY = 4 * 1_048_576
"""Bytes. What the service takes of a batch, the largest there is."""


@dataclass(frozen=True)
class Request:
    """A request. Names of headers are in lower case, the path is as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """An answer. Without a body there is no JSON."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


async def read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None when the client says no more.

    Raises:
        TableError: It is none. Where the next one would begin is not known.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request = _head(head)
        return Request(request.method, request.path, request.query, request.headers, await _body(reader, request))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as problem:
        raise InvalidInputError("the head of the request is too large") from problem


def _head(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise InvalidInputError("that is no request of HTTP/1.1")
    path, _, query = target.partition("?")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, b"")


async def _body(reader: asyncio.StreamReader, request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal():
        raise MissingLengthError
    if int(length) > MAX_BODY:
        raise TooLargeError
    return await reader.readexactly(int(length))


def encode(response: Response, *, close: bool) -> bytes:
    """The bytes of an answer."""
    body = b"" if response.body is None else json.dumps(response.body, separators=(",", ":")).encode()
    headers = dict(response.headers)
    if response.body is not None:
        headers.setdefault("Content-Type", "application/json;odata=minimalmetadata;streaming=true;charset=utf-8")
    if response.status != http.HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(body))
    if close:
        headers["Connection"] = "close"
    status = http.HTTPStatus(response.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def refusal(problem: TableError) -> Response:
    """An error, as OData says it."""
    text = {"lang": "en-US", "value": str(problem)}
    body = {"odata.error": {"code": problem.code, "message": text}}
    return Response(problem.status, body, {"x-ms-error-code": problem.code})
