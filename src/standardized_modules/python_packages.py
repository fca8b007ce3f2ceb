"""Cuts a service's Python requirements out of the locked superset, `library/python-packages.json`.

Takes the lock and the packages that capabilities name; returns text for pyproject.toml and the
requirements files. Never resolves, never reads the network or the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from standardized_modules.errors import LibraryError

_REQUEST = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)(?:\[(?P<extras>[a-z0-9,-]+)\])?(?:; (?P<marker>.+))?")

Conditions = frozenset[frozenset[str]]
"""A marker in disjunctive form: any of these sets of markers lets the package in."""
ALWAYS: Conditions = frozenset({frozenset()})


@dataclass(frozen=True, order=True)
class PackageRequest:
    """A package that something needs: `coverage[toml]; python_version < '3.13'`."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str = ""

    @classmethod
    def parse(cls, text: str) -> PackageRequest:
        """Read a requirement without a version, as capabilities and the lock write it.

        Raises:
            LibraryError: when it is anything else.
        """
        match = _REQUEST.fullmatch(text)
        if match is None:
            raise LibraryError(
                f"{text!r} is not the name of a Python package",
                hint="write it in lower case, extras in brackets: uvicorn, httpx[http2]",
            )
        extras = match["extras"].split(",") if match["extras"] else []
        return cls(match["name"], tuple(sorted(extras)), match["marker"] or "")


@dataclass(frozen=True)
class LockedPackage:
    """One version of one package: what it needs, and the only bytes that it may come as."""

    name: str
    version: str
    sha256: tuple[str, ...]
    requires: tuple[PackageRequest, ...] = ()
    extras: Mapping[str, tuple[PackageRequest, ...]] = field(default_factory=dict)
    range: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether a capability may name it; the others only come along."""
        return bool(self.range)

    def edges(self, extras: Iterable[str]) -> tuple[PackageRequest, ...]:
        """What it needs when it is installed with these extras."""
        optional = [edge for extra in extras for edge in self.extras.get(extra, ())]
        return (*self.requires, *optional)


@dataclass(frozen=True)
class PythonSelection:
    """One service's packages.

    `runtime` and `dev` are requirements with ranges for pyproject.toml. `runtime_lock` and
    `dev_lock` are the text of requirements files with hashes; the development lock contains the
    runtime lock, so that one install gives a whole environment with the versions of the image.
    """

    runtime: tuple[str, ...]
    dev: tuple[str, ...]
    runtime_lock: str
    dev_lock: str


class PackageLock:
    """The locked superset.

    Args:
        packages: Every locked package by name.
    """

    def __init__(self, packages: Mapping[str, LockedPackage]) -> None:
        self._packages = packages

    def select(self, runtime: Iterable[str], dev: Iterable[str]) -> PythonSelection:
        """Cut out what one service needs.

        Args:
            runtime: Packages of the application, with extras: `fastapi`, `coverage[toml]`.
            dev: Packages that only tests and linters need.

        Raises:
            LibraryError: for a package or an extra that is not in the locked set.
        """
        needed, tools = self._requests(runtime), self._requests(dev)
        return PythonSelection(
            runtime=self._ranges(needed),
            dev=self._ranges(tools),
            runtime_lock=self._lock_text(needed),
            dev_lock=self._lock_text([*needed, *tools]),
        )

    def closure(self, requests: Iterable[PackageRequest]) -> dict[str, Conditions]:
        """Every package that the requests bring in, and the conditions under which they do."""
        reached: dict[tuple[str, tuple[str, ...]], Conditions] = {}
        queue = [(request, ALWAYS) for request in requests]
        while queue:
            request, above = queue.pop()
            conditions = _narrow(above, request.marker)
            node = (request.name, request.extras)
            before = reached.get(node, frozenset())
            reached[node] = _either(before, conditions)
            if reached[node] != before:
                edges = self._packages[request.name].edges(request.extras)
                queue += [(edge, conditions) for edge in edges]
        closure: dict[str, Conditions] = {}
        for (name, _), conditions in reached.items():
            closure[name] = _either(closure.get(name, frozenset()), conditions)
        return closure

    def _requests(self, names: Iterable[str]) -> list[PackageRequest]:
        requests = sorted({PackageRequest.parse(name) for name in names})
        for request in requests:
            self._check(request)
        return requests

    def _check(self, request: PackageRequest) -> None:
        package = self._packages.get(request.name)
        if package is None or not package.is_direct:
            direct = [each.name for each in self._packages.values() if each.is_direct]
            near = get_close_matches(request.name, direct, n=1)
            raise LibraryError(
                f"the Python package {request.name!r} is not in the locked set",
                hint=(f"did you mean {near[0]}? If not, " if near else "")
                + "add it to tools/python-packages.in and run tools/lock_python_packages.py",
            )
        for extra in request.extras:
            if extra not in package.extras:
                raise LibraryError(
                    f"{request.name!r} is locked without its extra {extra!r}",
                    hint=f"write {request.name}[{extra}] in tools/python-packages.in and run "
                    "tools/lock_python_packages.py",
                )

    def _ranges(self, requests: Iterable[PackageRequest]) -> tuple[str, ...]:
        extras: dict[str, set[str]] = {}
        for request in requests:
            extras.setdefault(request.name, set()).update(request.extras)
        return tuple(
            name + (f"[{','.join(sorted(own))}]" if own else "") + self._packages[name].range
            for name, own in sorted(extras.items())
        )

    def _lock_text(self, requests: list[PackageRequest]) -> str:
        closure = self.closure(requests)
        reasons = self._reasons(requests)
        return "".join(_lock_entry(self._packages[name], closure[name], reasons[name]) for name in sorted(closure))

    def _reasons(self, requests: Iterable[PackageRequest]) -> dict[str, set[str]]:
        """Who asks for each package: pyproject.toml, or the packages that require it."""
        reasons: dict[str, set[str]] = {}
        queue = [("pyproject.toml", request) for request in requests]
        while queue:
            parent, request = queue.pop()
            if parent not in reasons.setdefault(request.name, set()):
                reasons[request.name].add(parent)
                edges = self._packages[request.name].edges(request.extras)
                queue += [(request.name, edge) for edge in edges]
        return reasons


def parse_lock(document: Mapping[str, Any]) -> PackageLock:
    """Read the document that `tools/lock_python_packages.py` writes."""
    packages = document["packages"]
    return PackageLock({name: _locked_package(name, entry) for name, entry in packages.items()})


def _locked_package(name: str, entry: Mapping[str, Any]) -> LockedPackage:
    def requests(lines: Iterable[str]) -> tuple[PackageRequest, ...]:
        return tuple(PackageRequest.parse(line) for line in lines)

    return LockedPackage(
        name=name,
        version=entry["version"],
        sha256=tuple(entry["sha256"]),
        requires=requests(entry.get("requires", ())),
        extras={extra: requests(lines) for extra, lines in entry.get("extras", {}).items()},
        range=entry.get("range", ""),
    )


def _narrow(conditions: Conditions, marker: str) -> Conditions:
    return frozenset(each | {marker} for each in conditions) if marker else conditions


def _either(left: Conditions, right: Conditions) -> Conditions:
    union = left | right
    return frozenset(each for each in union if not any(other < each for other in union))


def _marker(conditions: Conditions) -> str:
    alternatives = sorted(
        " and ".join(f"({marker})" if " or " in marker else marker for marker in sorted(each)) for each in conditions
    )
    if len(alternatives) == 1:
        return alternatives[0]
    return " or ".join(f"({each})" for each in alternatives)


def _lock_entry(package: LockedPackage, conditions: Conditions, reasons: Iterable[str]) -> str:
    marker = _marker(conditions)
    pin = f"{package.name}=={package.version}" + (f" ; {marker}" if marker else "")
    hashes = [f"    --hash=sha256:{digest}" for digest in package.sha256]
    return " \\\n".join([pin, *hashes]) + f"\n    # for {', '.join(sorted(reasons))}\n"
