"""Properties and their types: from the JSON of OData and back.

A type is named beside its property (`"n@odata.type": "Edm.Int64"`) where JSON alone does not tell it.
https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from standardized_modules.engines.tables.errors import (
    DuplicatePropertiesError,
    EntityTooLargeError,
    InvalidInputError,
    PropertyNameInvalidError,
    PropertyValueTooLargeError,
    TooManyPropertiesError,
)

# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
MAX_PROPERTIES = 252  # besides the three that every entity has
MAX_VALUE = 65_536  # bytes, of UTF-16 in the case of text
MAX_ENTITY = 1_048_576  # bytes
TICKS = 10_000_000
"""In a second. Times are counted in 100 ns."""

_TYPE = "@odata.type"
_NAME = re.compile(r"[^\W\d]\w{0,254}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNLIKE_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
Value = str | int | float | bool | bytes
SYSTEM = ("PartitionKey", "RowKey", "Timestamp")


class Property(NamedTuple):
    """A value with its type. Times are ticks since 1970, GUIDs are text."""

    type: str
    value: Value


Properties = dict[str, Property]


def read_entity(body: bytes) -> Properties:
    """The properties that a client sends. Nulls are as good as absent, `Timestamp` is the service's own.

    Raises:
        TableError: It is no entity, or too large for one.
    """
    fields = _object(body)
    properties = {
        name: _read(value, fields.get(name + _TYPE))
        for name, value in fields.items()
        if not name.startswith("odata.") and not name.endswith(_TYPE) and name != "Timestamp" and value is not None
    }
    for name in properties:
        if not _NAME.fullmatch(name):
            raise PropertyNameInvalidError
    if len(properties.keys() - set(SYSTEM)) > MAX_PROPERTIES:
        raise TooManyPropertiesError
    if len(body) > MAX_ENTITY:
        raise EntityTooLargeError
    return properties


def write_entity(properties: Mapping[str, Property], *, types: bool) -> dict[str, Any]:
    """The JSON of an entity, with or without the types that JSON does not tell."""
    fields: dict[str, Any] = {}
    for name, (kind, value) in properties.items():
        written = _WRITERS[kind](value) if kind in _WRITERS else value
        # Of the properties that every entity has, the types are known.
        if types and name not in SYSTEM and (kind in _NAMED or (kind == "Edm.Double" and isinstance(written, str))):
            fields[name + _TYPE] = kind
        fields[name] = written
    return fields


def read_time(text: str) -> int:
    """Ticks since 1970."""
    match = _TIME.fullmatch(text)
    if not match:
        raise InvalidInputError(f"{text!r} is no time")
    seconds, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(seconds + (zone or "Z"))
    except ValueError as problem:
        raise InvalidInputError(f"{text!r} is no time: {problem}") from problem
    return (moment - _EPOCH) // timedelta(seconds=1) * TICKS + int((fraction or "").ljust(7, "0"))


def write_time(ticks: int) -> str:
    """As the service writes it, to 100 ns."""
    seconds, fraction = divmod(ticks, TICKS)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:07}".rstrip("0").rstrip(".") + "Z"


def _object(body: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise DuplicatePropertiesError
        return fields

    try:
        fields = json.loads(body, object_pairs_hook=unique)
    except (ValueError, RecursionError) as problem:
        raise InvalidInputError("the body is not JSON") from problem
    if not isinstance(fields, dict):
        raise InvalidInputError("the body is no JSON object")
    return fields


def _read(value: object, kind: object) -> Property:
    if kind is None:
        kind = _KINDS.get(type(value))
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise InvalidInputError(f"{kind or type(value).__name__!r} is no type of a property")
    try:
        return Property(str(kind), reader(value))
    except (TypeError, ValueError, OverflowError, binascii.Error) as problem:
        raise InvalidInputError(f"{value!r} is no {kind}") from problem


def _integer(bits: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(value)
        if isinstance(value, (bool, float)) or not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError
        return number

    return read


def _double(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and value not in _UNLIKE_JSON):
        raise ValueError
    return _UNLIKE_JSON[value] if isinstance(value, str) else float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if len(value.encode("utf-16-le", "surrogatepass")) > MAX_VALUE:
        raise PropertyValueTooLargeError
    return value


def _binary(value: Any) -> bytes:
    found = base64.b64decode(value, validate=True)
    if len(found) > MAX_VALUE:
        raise PropertyValueTooLargeError
    return found


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _write_double(value: Any) -> float | str:
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_KINDS: Mapping[type, str] = {str: "Edm.String", bool: "Edm.Boolean", int: "Edm.Int32", float: "Edm.Double"}
"""What a value is whose type is not named."""
_READERS: Mapping[str, Callable[[Any], Value]] = {
    "Edm.Binary": _binary,
    "Edm.Boolean": _boolean,
    "Edm.DateTime": lambda value: read_time(_text(value)),
    "Edm.Double": _double,
    "Edm.Guid": lambda value: str(UUID(value)),
    "Edm.Int32": _integer(32),
    "Edm.Int64": _integer(64),
    "Edm.String": _text,
}
_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "Edm.Binary": lambda value: base64.b64encode(value).decode(),
    "Edm.DateTime": write_time,
    "Edm.Double": _write_double,
    "Edm.Int64": str,
}
_NAMED = frozenset({"Edm.Binary", "Edm.DateTime", "Edm.Guid", "Edm.Int64"})
"""Types that JSON does not tell."""
