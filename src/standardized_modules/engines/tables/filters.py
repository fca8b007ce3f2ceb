"""`$filter`: comparisons of a property with a constant, joined by and, or, not.

https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from standardized_modules.engines.tables.edm import Property, read_time
from standardized_modules.engines.tables.errors import InvalidInputError

MAX_COMPARISONS = 15
MAX_DEPTH = 50
"""Of parentheses and `not`; the service's own limit is not documented."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<kind>datetime|guid|binary|X)?'(?P<text>(?:[^']|'')*)'
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?P<long>L?)(?!\w)
    | (?P<word>[^\W\d]\w*)
    | (?P<bracket>[()])
    )""",
    re.VERBOSE,
)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}
_FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_NUMBERS = frozenset({"Edm.Int32", "Edm.Int64", "Edm.Double"})


class Comparison(NamedTuple):
    """A property and a constant. It is false for a property of another type, and for one that is not there."""

    name: str
    operator: str
    constant: Property

    def holds(self, entity: Mapping[str, Property]) -> bool:
        found = entity.get(self.name)
        if found is None:
            return False
        kinds = {found.type, self.constant.type}
        if len(kinds) > 1 and not kinds <= _NUMBERS:
            return False
        return _OPERATORS[self.operator](found.value, self.constant.value)


class Both(NamedTuple):
    """Left and right."""

    left: Filter
    right: Filter

    def holds(self, entity: Mapping[str, Property]) -> bool:
        return self.left.holds(entity) and self.right.holds(entity)


class Either(NamedTuple):
    """Left or right."""

    left: Filter
    right: Filter

    def holds(self, entity: Mapping[str, Property]) -> bool:
        return self.left.holds(entity) or self.right.holds(entity)


class Not(NamedTuple):
    """The contrary."""

    inner: Filter

    def holds(self, entity: Mapping[str, Property]) -> bool:
        return not self.inner.holds(entity)


Filter = Comparison | Both | Either | Not


def read_filter(text: str) -> Filter:
    """Read the expression.

    Raises:
        InvalidInputError: It is none.
    """
    return _Parser(text).whole()


def partition_of(found: Filter | None) -> str | None:
    """The one partition that entities can be in for which the filter holds, if it says so."""
    if isinstance(found, Both):
        return partition_of(found.left) or partition_of(found.right)
    if isinstance(found, Comparison) and (found.name, found.operator) == ("PartitionKey", "eq"):
        return str(found.constant.value)
    return None


class _Parser:
    """By descent: or binds weakest, then and, then not."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._comparisons = self._depth = 0

    def whole(self) -> Filter:
        found = self._or()
        if self._text[self._at :].strip():
            raise self._wrong()
        return found

    def _or(self) -> Filter:
        found = self._and()
        while self._takes("or"):
            found = Either(found, self._and())
        return found

    def _and(self) -> Filter:
        found = self._not()
        while self._takes("and"):
            found = Both(found, self._not())
        return found

    def _not(self) -> Filter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidInputError("the filter is nested too deeply")
        try:
            if self._takes("not"):
                return Not(self._not())
            if self._takes("("):
                found = self._or()
                if not self._takes(")"):
                    raise self._wrong()
                return found
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Filter:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise InvalidInputError(f"a filter has {MAX_COMPARISONS} comparisons at most")
        left = self._operand()
        name = next((each for each in _OPERATORS if self._takes(each)), None)
        if name is None:
            if isinstance(left, str):
                return Comparison(left, "eq", Property("Edm.Boolean", True))
            raise self._wrong()
        right = self._operand()
        if isinstance(left, str) and isinstance(right, Property):
            return Comparison(left, name, right)
        if isinstance(left, Property) and isinstance(right, str):
            return Comparison(right, _FLIPPED.get(name, name), left)
        raise InvalidInputError("a comparison is between a property and a constant")

    def _operand(self) -> str | Property:
        """A constant, or the name of a property."""
        match = _TOKEN.match(self._text, self._at)
        if not match or match["bracket"]:
            raise self._wrong()
        self._at = match.end()
        if match["number"]:
            return _number(match["number"], long=bool(match["long"]))
        if match["text"] is not None:
            return _constant(match["kind"], match["text"].replace("''", "'"))
        if match["word"] in ("true", "false"):
            return Property("Edm.Boolean", match["word"] == "true")
        return match["word"]

    def _takes(self, word: str) -> bool:
        match = _TOKEN.match(self._text, self._at)
        if match and word in (match["word"], match["bracket"]):
            self._at = match.end()
            return True
        return False

    def _wrong(self) -> InvalidInputError:
        return InvalidInputError(f"the filter makes no sense from here: {self._text[self._at :][:80]!r}")


def _number(text: str, *, long: bool) -> Property:
    whole = text.lstrip("-").isdigit()
    if long and not whole:
        raise InvalidInputError(f"{text}L is no number")
    if whole:
        return Property("Edm.Int64" if long else "Edm.Int32", int(text))
    return Property("Edm.Double", float(text))


def _constant(kind: str | None, text: str) -> Property:
    try:
        if kind == "datetime":
            return Property("Edm.DateTime", read_time(text))
        if kind == "guid":
            return Property("Edm.Guid", str(UUID(text)))
        if kind in ("X", "binary"):
            return Property("Edm.Binary", bytes.fromhex(text))
    except ValueError as problem:
        raise InvalidInputError(f"{kind}'{text}' is no constant") from problem
    return Property("Edm.String", text)
