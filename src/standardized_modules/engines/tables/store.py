"""Tables and what they do with entities. No input, no output, and time comes from outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from standardized_modules.engines.tables.edm import MAX_PROPERTIES, SYSTEM, Properties, Property, write_time
from standardized_modules.engines.tables.errors import (
    ConditionError,
    EntityAlreadyExistsError,
    InvalidInputError,
    InvalidResourceNameError,
    OutOfRangeInputError,
    PropertiesNeedValueError,
    PropertyValueTooLargeError,
    ResourceNotFoundError,
    TableAlreadyExistsError,
    TableNotFoundError,
    TooManyPropertiesError,
)
from standardized_modules.engines.tables.filters import Filter, partition_of

PAGE = 1000
"""Entities in an answer at most."""
MAX_KEY = 1024
"""Bytes."""
ANY = "*"
"""The ETag that every entity matches which is there."""
Clock = Callable[[], int]
"""Ticks since 1970."""
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_NO_KEY = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Address(NamedTuple):
    """The primary key of an entity. They are sorted by it."""

    partition: str
    row: str


class Entity(NamedTuple):
    """Properties, the keys and the time of the last change included, as they are; a change makes a new one."""

    properties: Properties
    etag: str


class Page(NamedTuple):
    """A part of an answer, and where the next one begins."""

    entities: list[Entity]
    next: Address | None


class Table:
    """Entities by partition and row."""

    def __init__(self, name: str, tick: Clock) -> None:
        self.name = name
        self._tick = tick
        self._partitions: dict[str, dict[str, Entity]] = {}

    def insert(self, properties: Properties) -> Entity:
        """Add an entity that is not there."""
        address = _address(properties)
        if address.row in self._partitions.get(address.partition, {}):
            raise EntityAlreadyExistsError
        return self._keep(address, properties)

    def get(self, address: Address) -> Entity:
        """One that is there."""
        try:
            return self._partitions[address.partition][address.row]
        except KeyError:
            raise ResourceNotFoundError from None

    def replace(self, address: Address, properties: Properties, etag: str | None) -> Entity:
        """Give an entity these properties and no others. Without an ETag it need not be there."""
        self._check(address, etag)
        return self._keep(address, properties)

    def merge(self, address: Address, properties: Properties, etag: str | None) -> Entity:
        """Give an entity these properties besides the others it has. Without an ETag it need not be there."""
        self._check(address, etag)
        found = self._partitions.get(address.partition, {}).get(address.row)
        return self._keep(address, {**(found.properties if found else {}), **properties})

    def delete(self, address: Address, etag: str) -> None:
        """Remove an entity."""
        self._check(address, etag)
        rows = self._partitions[address.partition]
        del rows[address.row]
        if not rows:
            del self._partitions[address.partition]

    def query(self, wanted: Filter | None, start: Address | None = None, limit: int = PAGE) -> Page:
        """The first entities from an address on for which the filter holds."""
        found: list[Entity] = []
        for address, entity in self._from(start or Address("", ""), partition_of(wanted)):
            if wanted is None or wanted.holds(entity.properties):
                if len(found) == limit:
                    return Page(found, address)
                found.append(entity)
        return Page(found, None)

    def _from(self, start: Address, partition: str | None) -> Iterator[tuple[Address, Entity]]:
        """In their order. With a partition given, no other is looked at."""
        names = sorted(self._partitions) if partition is None else [partition]
        for name in names:
            if name < start.partition:
                continue
            rows = self._partitions.get(name, {})
            for row in sorted(rows):
                if name > start.partition or row >= start.row:
                    yield Address(name, row), rows[row]

    def _check(self, address: Address, etag: str | None) -> None:
        if etag is not None and self.get(address).etag != etag and etag != ANY:
            raise ConditionError

    def _keep(self, address: Address, properties: Properties) -> Entity:
        for key in address:
            if _NO_KEY.search(key):
                raise OutOfRangeInputError
            if len(key.encode()) > MAX_KEY:
                raise PropertyValueTooLargeError
        keys = {name: Property("Edm.String", key) for name, key in zip(SYSTEM, address, strict=False)}
        now = self._tick()
        entity = Entity({**properties, **keys, "Timestamp": Property("Edm.DateTime", now)}, _etag(now))
        if len(entity.properties) > MAX_PROPERTIES + len(SYSTEM):
            raise TooManyPropertiesError
        self._partitions.setdefault(address.partition, {})[address.row] = entity
        return entity


class Account:
    """All tables. Their names are the same in any case.

    Args:
        clock: Ticks since 1970.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._tables: dict[str, Table] = {}

    def create(self, name: str) -> Table:
        """Make a table."""
        if not _TABLE.fullmatch(name) or name.lower() == "tables":
            raise InvalidResourceNameError
        if name.lower() in self._tables:
            raise TableAlreadyExistsError
        table = self._tables[name.lower()] = Table(name, self._tick)
        return table

    def table(self, name: str) -> Table:
        """One that is there."""
        try:
            return self._tables[name.lower()]
        except KeyError:
            raise TableNotFoundError from None

    def delete(self, name: str) -> None:
        """Remove a table with its entities."""
        if self._tables.pop(name.lower(), None) is None:
            raise ResourceNotFoundError

    def list(self, wanted: Filter | None, start: str, limit: int = PAGE) -> tuple[list[str], str | None]:
        """The names of the first tables from one on, and where the next ones begin."""
        names = (self._tables[key].name for key in sorted(self._tables) if key >= start.lower())
        found = [each for each in names if not wanted or wanted.holds({"TableName": Property("Edm.String", each)})]
        return found[:limit], found[limit] if len(found) > limit else None

    def _tick(self) -> int:
        """Now, and later than ever before: two versions of an entity never have one ETag."""
        self._last = max(self._clock(), self._last + 1)
        return self._last


def _address(properties: Properties) -> Address:
    keys = [properties.get(name) for name in SYSTEM[:2]]
    found = [key.value for key in keys if key and key.type == "Edm.String" and isinstance(key.value, str)]
    if None in keys:
        raise PropertiesNeedValueError
    if len(found) < len(keys):
        raise InvalidInputError("keys are text")
    return Address(*found)


def _etag(ticks: int) -> str:
    return f"W/\"datetime'{quote(write_time(ticks))}'\""
