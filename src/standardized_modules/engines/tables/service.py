"""The operations of the REST API: a request in, an answer out.

https://learn.microsoft.com/rest/api/storageservices/table-service-rest-api
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from standardized_modules.engines.tables.edm import read_entity, write_entity
from standardized_modules.engines.tables.errors import (
    InvalidInputError,
    MethodNotAllowedError,
    MissingHeaderError,
    NotImplementedHereError,
    ResourceNotFoundError,
    TableError,
)
from standardized_modules.engines.tables.filters import Filter, read_filter
from standardized_modules.engines.tables.http import Request, Response, refusal
from standardized_modules.engines.tables.keys import ACCOUNT, verify
from standardized_modules.engines.tables.store import PAGE, Account, Address, Entity, Table

VERSION = "2019-02-02"
"""Of the API, where a client asks for none; later ones bring nothing that is in use here."""
_RESOURCE = re.compile(rf"/{ACCOUNT}/(?P<name>[^/()]+)(?:\((?P<keys>.*)\))?", re.DOTALL)
_TEXT = r"'((?:[^']|'')*)'"
_NAME = re.compile(_TEXT)
_KEYS = re.compile(rf"PartitionKey={_TEXT},\s*RowKey={_TEXT}", re.DOTALL)
_NEXT = "x-ms-continuation-Next"


class Service:
    """The account of the emulator over HTTP."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def answer(self, request: Request) -> Response:
        """Do what is asked for, or say why not."""
        try:
            verify(request)
            response = self._route(request)
        except TableError as problem:
            response = refusal(problem)
        common = {
            "Cache-Control": "no-cache",
            "Server": "Azure Table storage (emulator)",
            "x-ms-request-id": str(uuid4()),
            "x-ms-version": request.headers.get("x-ms-version", VERSION),
            "Date": formatdate(usegmt=True),
        }
        return replace(response, headers={**common, **response.headers})

    def _route(self, request: Request) -> Response:
        if "comp" in request.query:
            raise NotImplementedHereError  # properties of the service, policies of tables
        match = _RESOURCE.fullmatch(unquote(request.path))
        if not match:
            raise ResourceNotFoundError
        if match["name"].startswith("$"):
            raise NotImplementedHereError  # batches
        if "odata=fullmetadata" in request.headers.get("accept", "").replace(" ", ""):
            raise NotImplementedHereError
        method = request.method
        if method == "POST":
            method = request.headers.get("x-http-method", method).upper()
        keys = match["keys"]
        if match["name"] == "Tables":
            return self._tables(method, keys, request)
        table = self._account.table(match["name"])
        return _entity(method, table, _address(keys), request) if keys else _entities(method, table, request)

    def _tables(self, method: str, keys: str | None, request: Request) -> Response:
        if method == "POST" and not keys:
            name = _table_name(request.body)
            self._account.create(name)
            return _created(request, {"odata.metadata": _metadata(request, "Tables/@Element"), "TableName": name}, {})
        if method == "GET" and not keys:
            found, more = self._account.list(_filter(request), _token(request, "NextTableName"), _limit(request))
            value = [{"TableName": name} for name in found]
            return Response(
                200,
                {"odata.metadata": _metadata(request, "Tables"), "value": value},
                {} if more is None else {f"{_NEXT}TableName": _pack(more)},
            )
        if method == "DELETE" and keys and (quoted := _NAME.fullmatch(keys)):
            self._account.delete(quoted[1])
            return Response(204)
        raise MethodNotAllowedError


def _entities(method: str, table: Table, request: Request) -> Response:
    """Of a table as a whole."""
    if method == "POST":
        entity = table.insert(read_entity(request.body))
        body = {"odata.metadata": _metadata(request, f"{table.name}/@Element"), **_fields(entity, request)}
        return _created(request, body, {"ETag": entity.etag})
    if method != "GET":
        raise MethodNotAllowedError
    start = Address(_token(request, "NextPartitionKey"), _token(request, "NextRowKey"))
    page = table.query(_filter(request), start, _limit(request))
    more = {}
    if page.next:
        more = {f"{_NEXT}PartitionKey": _pack(page.next.partition), f"{_NEXT}RowKey": _pack(page.next.row)}
    value = [_fields(entity, request) for entity in page.entities]
    return Response(200, {"odata.metadata": _metadata(request, table.name), "value": value}, more)


def _entity(method: str, table: Table, address: Address, request: Request) -> Response:
    """Of one entity."""
    if method == "GET":
        entity = table.get(address)
        metadata = _metadata(request, f"{table.name}/@Element")
        return Response(200, {"odata.metadata": metadata, **_fields(entity, request)}, {"ETag": entity.etag})
    etag = request.headers.get("if-match")
    if method == "DELETE":
        if etag is None:
            raise MissingHeaderError
        table.delete(address, etag)
        return Response(204)
    changes: Mapping[str, Callable[..., Entity]] = {"PUT": table.replace, "PATCH": table.merge, "MERGE": table.merge}
    if method not in changes:
        raise MethodNotAllowedError
    properties = read_entity(request.body)
    for name, key in zip(("PartitionKey", "RowKey"), address, strict=True):
        if name in properties and properties[name].value != key:
            raise InvalidInputError("the keys of the entity are not those of its address")
    return Response(204, headers={"ETag": changes[method](address, properties, etag).etag})


def _fields(entity: Entity, request: Request) -> dict[str, Any]:
    types = "odata=nometadata" not in request.headers.get("accept", "").replace(" ", "")
    selected = [name.strip() for name in request.query.get("$select", "").split(",") if name.strip()]
    properties = {
        name: found for name, found in entity.properties.items() if not selected or name in selected or "*" in selected
    }
    # The documentation has the ETag in full metadata alone, but the service sends it, and the SDK counts on it.
    return ({"odata.etag": entity.etag} if types else {}) | write_entity(properties, types=types)


def _created(request: Request, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    wish = request.headers.get("prefer", "")
    applied = {"Preference-Applied": wish} if wish in ("return-content", "return-no-content") else {}
    if wish == "return-no-content":
        return Response(204, headers={**headers, **applied})
    return Response(201, body, {**headers, **applied})


def _metadata(request: Request, what: str) -> str:
    return f"http://{request.headers.get('host', '')}/{ACCOUNT}/$metadata#{what}"


def _address(keys: str) -> Address:
    match = _KEYS.fullmatch(keys)
    if not match:
        raise InvalidInputError("an entity has a PartitionKey and a RowKey, in quotes")
    return Address(*(key.replace("''", "'") for key in match.groups()))


def _table_name(body: bytes) -> str:
    try:
        return str(json.loads(body)["TableName"])
    except (ValueError, TypeError, KeyError, RecursionError) as problem:
        raise InvalidInputError("the body names no table") from problem


def _filter(request: Request) -> Filter | None:
    text = request.query.get("$filter", "")
    return read_filter(text) if text.strip() else None


def _limit(request: Request) -> int:
    text = request.query.get("$top", str(PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= PAGE:
        raise InvalidInputError(f"$top is 1 to {PAGE}")
    return int(text)


def _pack(text: str) -> str:
    """A token: nothing that a client should look into, and fit for a header."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def _token(request: Request, name: str) -> str:
    try:
        return base64.b64decode(request.query.get(name, ""), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as problem:
        raise InvalidInputError(f"{name} is no token of ours") from problem
