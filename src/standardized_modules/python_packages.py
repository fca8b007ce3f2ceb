"""Cuts a service's Python requirements out of the locked superset in library/python-packages.json.

Takes the lock and the packages that capabilities name; returns text for pyproject.toml and the
requirements files. Never resolves, never reads the network or the disk.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import LibraryError

_REQUIREMENT = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)(?:\[(?P<extras>[a-z0-9,-]+)\])?(?:; (?P<marker>.+))?")

# A marker in disjunctive form: any of these sets of conditions lets the package in, an empty
# set lets it in always.
_Conditions = frozenset[frozenset[str]]
_ALWAYS: _Conditions = frozenset({frozenset()})


@dataclass(frozen=True, order=True)
class PackageRequest:
    """A package that something needs: `uvicorn[standard]; python_version < '3.13'`."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True)
class LockedPackage:
    """One version of one package, with what it needs and the only bytes it may come as."""

    name: str
    version: str
    sha256: tuple[str, ...]
    requires: tuple[PackageRequest, ...] = ()
    extras: Mapping[str, tuple[PackageRequest, ...]] | None = None
    range: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether a capability may name it; the others only come along."""
        return self.range is not None


@dataclass(frozen=True)
class PythonRequirements:
    """What the templates get as `python`."""

    runtime: tuple[str, ...]
    dev: tuple[str, ...]
    runtime_lock: str
    dev_lock: str


def parse_request(text: str) -> PackageRequest:
    """A requirement without a version, as capabilities and the lock write it."""
    match = _REQUIREMENT.fullmatch(text.strip())
    if match is None:
        raise LibraryError(
            f"'{text}' is not a Python package name",
            hint="write a lower-case name with optional extras, such as uvicorn or httpx[http2]",
        )
    extras = tuple(sorted((match["extras"] or "").split(","))) if match["extras"] else ()
    return PackageRequest(match["name"], extras, match["marker"] or "")


def parse_lock(document: Mapping[str, Any]) -> dict[str, LockedPackage]:
    """The packages of library/python-packages.json by name."""
    return {
        name: LockedPackage(
            name=name,
            version=entry["version"],
            sha256=tuple(entry["sha256"]),
            requires=_requests(entry.get("requires", ())),
            extras={extra: _requests(lines) for extra, lines in entry.get("extras", {}).items()},
            range=entry.get("range"),
        )
        for name, entry in document["packages"].items()
    }


def python_requirements(
    lock: Mapping[str, LockedPackage], runtime: Iterable[str], dev: Iterable[str]
) -> PythonRequirements:
    """Everything the generated packaging files say about Python packages.

    The development lock contains the runtime lock, so that one install gives a complete
    environment whose versions are those of the image.
    """
    runtime_requests = _direct(lock, runtime)
    dev_requests = _direct(lock, dev)
    return PythonRequirements(
        runtime=requirement_strings(lock, runtime_requests),
        dev=requirement_strings(lock, dev_requests),
        runtime_lock=lock_text(lock, runtime_requests),
        dev_lock=lock_text(lock, [*runtime_requests, *dev_requests]),
    )


def requirement_strings(lock: Mapping[str, LockedPackage], requests: Iterable[PackageRequest]) -> tuple[str, ...]:
    """`fastapi>=0.163,<1` for pyproject.toml, sorted, extras of one package united."""
    extras: dict[str, set[str]] = {}
    for request in requests:
        extras.setdefault(request.name, set()).update(request.extras)
    return tuple(f"{_named(name, extras[name])}{lock[name].range}" for name in sorted(extras))


def lock_text(lock: Mapping[str, LockedPackage], requests: Iterable[PackageRequest]) -> str:
    """Pinned and hashed lines for `pip install --require-hashes -r`, ending in a newline."""
    direct = list(requests)
    conditions = closure(lock, direct)
    wanted_by = _wanted_by(lock, direct)
    return "".join(
        _lock_entry(lock[name], _marker(conditions[name]), sorted(wanted_by[name])) for name in sorted(conditions)
    )


def closure(lock: Mapping[str, LockedPackage], requests: Iterable[PackageRequest]) -> dict[str, _Conditions]:
    """Every package that the requests bring in, with the conditions under which they do."""
    conditions: dict[str, _Conditions] = {}
    reached: dict[PackageRequest, _Conditions] = {}
    queue = [(request, _ALWAYS) for request in requests]
    while queue:
        request, parent = queue.pop()
        gate = _both(parent, request.marker)
        node = PackageRequest(request.name, request.extras)
        before = reached.get(node, frozenset())
        after = _either(before, gate)
        conditions[request.name] = _either(conditions.get(request.name, frozenset()), gate)
        if after != before:
            reached[node] = after
            queue += [(edge, gate) for edge in _edges(lock, node)]
    return conditions


def _requests(lines: Iterable[str]) -> tuple[PackageRequest, ...]:
    return tuple(parse_request(line) for line in lines)


def _direct(lock: Mapping[str, LockedPackage], names: Iterable[str]) -> list[PackageRequest]:
    requests = sorted({parse_request(name) for name in names})
    for request in requests:
        _require_locked(lock, request)
    return requests


def _require_locked(lock: Mapping[str, LockedPackage], request: PackageRequest) -> None:
    package = lock.get(request.name)
    if package is None or not package.is_direct:
        offered = [name for name, candidate in lock.items() if candidate.is_direct]
        near = difflib.get_close_matches(request.name, offered, n=1)
        raise LibraryError(
            f"the Python package '{request.name}' is not in the locked set",
            hint=(f"did you mean {near[0]}? Else " if near else "")
            + "add it to tools/python-packages.in and run python tools/lock_python_packages.py",
        )
    if unknown := sorted(set(request.extras) - set(package.extras or {})):
        raise LibraryError(
            f"the locked '{request.name}' has no extra '{unknown[0]}'",
            hint=f"write {request.name}[{unknown[0]}] in tools/python-packages.in and lock again",
        )


def _edges(lock: Mapping[str, LockedPackage], node: PackageRequest) -> list[PackageRequest]:
    package = lock[node.name]
    extras = package.extras or {}
    return [*package.requires, *itertools.chain.from_iterable(extras.get(extra, ()) for extra in node.extras)]


def _both(parent: _Conditions, marker: str) -> _Conditions:
    return frozenset(conjunction | {marker} for conjunction in parent) if marker else parent


def _either(left: _Conditions, right: _Conditions) -> _Conditions:
    union = left | right
    return frozenset(one for one in union if not any(other < one for other in union))


def _marker(conditions: _Conditions) -> str:
    if conditions == _ALWAYS:
        return ""
    conjunctions = sorted(" and ".join(_grouped(marker) for marker in sorted(one)) for one in conditions)
    return " or ".join(f"({one})" if len(conjunctions) > 1 else one for one in conjunctions)


def _grouped(marker: str) -> str:
    return f"({marker})" if " or " in marker else marker


def _wanted_by(lock: Mapping[str, LockedPackage], requests: Iterable[PackageRequest]) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    queue = [("pyproject.toml", request) for request in requests]
    while queue:
        parent, request = queue.pop()
        parents = wanted.setdefault(request.name, set())
        if parent not in parents:
            parents.add(parent)
            queue += [(request.name, edge) for edge in _edges(lock, request)]
    return wanted


def _named(name: str, extras: Iterable[str]) -> str:
    listed = ",".join(sorted(extras))
    return f"{name}[{listed}]" if listed else name


def _lock_entry(package: LockedPackage, marker: str, wanted_by: Iterable[str]) -> str:
    pin = f"{package.name}=={package.version}" + (f" ; {marker}" if marker else "")
    hashes = [f"    --hash=sha256:{digest}" for digest in package.sha256]
    return " \\\n".join([pin, *hashes]) + f"\n    # for {', '.join(wanted_by)}\n"
