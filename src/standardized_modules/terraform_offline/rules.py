"""Rules that providers enforce in code, not in their schemas: how they are written. The rules are in `rules_*.py`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .messages import Complaint, Path
from .values import Config, is_known

Test = Callable[[Any], str]
"""Gives an objection ("must be …"), or nothing when the value is fine."""


@dataclass(frozen=True)
class Rule:
    """One rule: the resource type, the dotted path of the attribute, the test, and where the rule is written down."""

    address: str
    attribute: str
    test: Test
    source: str


@dataclass(frozen=True)
class Relation:
    """A rule over several attributes of one resource."""

    address: str
    check: Callable[[Config], Iterable[Complaint]]
    source: str


def one_of(*allowed: str | int) -> Test:
    """An enum."""
    return lambda value: "" if value in allowed else f"must be one of {', '.join(map(str, allowed))}"


def between(low: float, high: float) -> Test:
    """A closed range."""
    return lambda value: "" if low <= value <= high else f"must be between {low} and {high}"


def matching(pattern: str, meaning: str) -> Test:
    """A pattern for the whole string."""
    compiled = re.compile(pattern)
    return lambda value: "" if compiled.fullmatch(value) else f"must be {meaning}"


def longest(limit: int) -> Test:
    """A length."""
    return lambda value: "" if len(value) <= limit else f"must have at most {limit} characters, has {len(value)}"


def all_of(*tests: Test) -> Test:
    """The first objection of several tests."""
    return lambda value: next(filter(None, (test(value) for test in tests)), "")


def json_document(value: str) -> str:
    """A JSON object or array."""
    try:
        json.loads(value)
    except ValueError as error:
        return f"must be valid JSON ({error})"
    return ""


def conflicting(address: str, source: str, *names: str) -> Relation:
    """At most one of these may be set. An unknown value may still turn out to be none, as in the provider."""

    def check(config: Config) -> Iterator[Complaint]:
        present = [name for name in names if is_known(config.get(name)) and _present(config.get(name))]
        if len(present) > 1:
            yield Complaint(
                "Conflicting configuration arguments",
                f'"{present[0]}": conflicts with {present[1]}',
                (present[0],),
            )

    return Relation(address, check, source)


def exactly_one(address: str, source: str, *names: str) -> Relation:
    """One of these must be set, and only one. Unknown values count as set."""

    def check(config: Config) -> Iterator[Complaint]:
        present = [name for name in names if _present(config.get(name))]
        if len(present) != 1:
            got = " and ".join(present) or "none"
            yield Complaint(
                "Invalid combination of arguments",
                f"one of `{','.join(names)}` must be specified, got {got}",
            )

    return Relation(address, check, source)


def needs(address: str, source: str, name: str, *others: str) -> Relation:
    """When `name` is set, all the others must be."""

    def check(config: Config) -> Iterator[Complaint]:
        missing = [other for other in others if not _present(config.get(other))]
        if _present(config.get(name)) and missing:
            yield Complaint(
                "Missing required argument",
                f'"{name}": all of `{",".join(others)}` must be specified',
                (name,),
            )

    return Relation(address, check, source)


def violations(rules: Iterable[Rule], relations: Iterable[Relation], address: str, config: Config) -> list[Complaint]:
    """All objections to one configuration block. Unknown values are never objected to."""
    found: list[Complaint] = []
    for rule in rules:
        if rule.address == address:
            for path, value in _values(config, tuple(rule.attribute.split("."))):
                if objection := rule.test(value):
                    found.append(
                        Complaint(
                            "Invalid value",
                            f"expected {_name(path)} ({value!r}): {objection}",
                            path,
                        )
                    )
    for relation in relations:
        if relation.address == address:
            found += relation.check(config)
    return found


def _values(config: Any, names: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every known value at a dotted path, through blocks and lists alike."""
    if not is_known(config):
        return
    if isinstance(config, list):
        for at, item in enumerate(config):
            yield from _values(item, names, (*path, at))
    elif names:
        yield from _values(config.get(names[0]), names[1:], (*path, names[0]))
    else:
        yield path, config


def _present(value: Any) -> bool:
    return value is not None and value != []  # `false` counts as set, as in the provider SDK


def _name(path: Path) -> str:
    return ".".join(map(str, path))
