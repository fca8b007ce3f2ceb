"""Resolve tools/python-packages.in and write the lock that generated services are cut from.

    python tools/lock_python_packages.py             # resolve and write
    python tools/lock_python_packages.py --check     # compare the shipped lock with its input

Needs `uv` (the resolver) and `packaging`. Versions younger than the cooldown are not considered:
hijacked releases are usually found and pulled within days.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
INPUT = ROOT / "tools" / "python-packages.in"
OUTPUT = ROOT / "src" / "standardized_modules" / "library" / "python-packages.json"

MODULE = re.compile(r"[A-Za-z0-9_/]+(\.[a-z0-9_-]+)?\.(py|so)")
COOLDOWN = datetime.timedelta(days=7)
REQUIRES_PYTHON = ">=3.11,<3.15"
PYTHON_MINORS = (11, 12, 13, 14)
# Markers name patch releases too (async-timeout is for < 3.11.3); no minor had more than 25.
PYTHON_PATCHES = range(26)
SYSTEMS = {"linux": ("Linux", ("x86_64", "aarch64")), "darwin": ("Darwin", ("x86_64", "arm64"))}
WHEEL_PLATFORM = re.compile(r"any|manylinux.*_(x86_64|aarch64)|macosx.*_(x86_64|arm64|universal2)")


@dataclass(frozen=True)
class DirectPackage:
    """One line of the input: what a service may name, in which range, and why."""

    name: str
    extras: tuple[str, ...]
    range: str
    reason: str


def read_input(text: str) -> list[DirectPackage]:
    """The packages of the input file; a line without a reason is refused."""
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        spec, separator, reason = line.partition(" # ")
        if not separator or not reason.strip():
            raise SystemExit(f"{INPUT.name}:{number}: '{line.strip()}' gives no reason ('# why')")
        requirement = Requirement(spec.strip())
        packages.append(
            DirectPackage(
                requirement.name,
                tuple(sorted(requirement.extras)),
                spec.strip().removeprefix(re.split(r"[<>=!~]", spec, maxsplit=1)[0]),
                reason.strip(),
            )
        )
    return packages


def resolve(direct: Iterable[DirectPackage], before: datetime.date) -> dict[str, Any]:
    """uv's universal resolution of the direct packages, as the parsed uv.lock."""
    requirements = [
        f"{package.name}[{','.join(package.extras)}]{package.range}"
        if package.extras
        else f"{package.name}{package.range}"
        for package in direct
    ]
    project = (
        '[project]\nname = "superset"\nversion = "0"\n'
        f'requires-python = "{REQUIRES_PYTHON}"\ndependencies = {json.dumps(requirements)}\n'
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(project, encoding="utf-8")
        command = [
            "uv",
            "lock",
            "--quiet",
            "--no-config",
            "--project",
            folder,
            "--exclude-newer",
            before.isoformat(),
        ]
        subprocess.run(command, check=True)
        return tomllib.loads(Path(folder, "uv.lock").read_text(encoding="utf-8"))


def supported_environments() -> Iterator[dict[str, str]]:
    """Every interpreter and machine that the generated Makefile and image promise to work on."""
    for minor, patch, (system, (platform, machines)) in itertools.product(
        PYTHON_MINORS, PYTHON_PATCHES, SYSTEMS.items()
    ):
        for machine in machines:
            yield {
                "python_version": f"3.{minor}",
                "python_full_version": f"3.{minor}.{patch}",
                "implementation_version": f"3.{minor}.{patch}",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "os_name": "posix",
                "sys_platform": system,
                "platform_system": platform,
                "platform_machine": machine,
                "platform_release": "",
                "platform_version": "",
                "extra": "",
            }


def simplify_marker(marker: str | None) -> str | None:
    """'' when true everywhere we support, None when true nowhere, else the marker itself."""
    if marker is None:
        return ""
    parsed = Marker(marker)
    answers = {parsed.evaluate(environment) for environment in supported_environments()}
    if answers == {True}:
        return ""
    return None if answers == {False} else marker


def requirement_lines(dependencies: Iterable[dict[str, Any]]) -> list[str]:
    """Edges of the graph as PEP 508 strings without versions: 'anyio', 'x[y]; marker'."""
    lines = []
    for dependency in dependencies:
        marker = simplify_marker(dependency.get("marker"))
        if marker is None:
            continue
        extras = dependency.get("extra", [])
        name = f"{dependency['name']}[{','.join(sorted(extras))}]" if extras else dependency["name"]
        lines.append(f"{name}; {marker}" if marker else name)
    return sorted(lines)


def fits(tag: Tag) -> bool:
    """Whether a wheel tag can be installed on a supported CPython, Linux (glibc) or macOS."""
    if not WHEEL_PLATFORM.fullmatch(tag.platform):
        return False
    if tag.interpreter.startswith("py3"):
        return tag.abi == "none"
    match = re.fullmatch(r"cp3(\d+)", tag.interpreter)
    if not match:
        return False
    minor = int(match[1])
    if tag.abi == "abi3":
        return minor <= max(PYTHON_MINORS)
    return minor in PYTHON_MINORS and tag.abi in ("none", tag.interpreter)


def hashes(package: dict[str, Any]) -> list[str]:
    """sha256 of the wheels that fit, and of the source release for every other machine."""
    wheels = [
        wheel["hash"]
        for wheel in package.get("wheels", [])
        if any(map(fits, parse_wheel_filename(wheel["url"].rsplit("/", 1)[-1])[3]))
    ]
    source = [package["sdist"]["hash"]] if "sdist" in package else []
    if not wheels:
        raise SystemExit(f"{package['name']} {package['version']} has no wheel for a supported machine")
    return sorted({digest.removeprefix("sha256:") for digest in wheels + source})


def lock(direct: Iterable[DirectPackage], resolution: dict[str, Any], before: datetime.date) -> dict[str, Any]:
    """The shipped document: direct packages with range and reason, their closure with hashes."""
    by_name = {package.name: package for package in direct}
    packages: dict[str, dict[str, Any]] = {}
    for package in resolution["package"]:
        name = package["name"]
        if "registry" not in package["source"]:
            continue
        if name in packages:
            raise SystemExit(f"{name} resolves to two versions: narrow a range in {INPUT.name}")
        entry: dict[str, Any] = {"version": package["version"]}
        if name in by_name:
            entry |= {"range": by_name[name].range, "reason": by_name[name].reason}
        if requires := requirement_lines(package.get("dependencies", [])):
            entry["requires"] = requires
        extras = {
            extra: requirement_lines(dependencies)
            for extra, dependencies in sorted(package.get("optional-dependencies", {}).items())
        }
        if extras:
            entry["extras"] = extras
        packages[name] = entry | {"sha256": hashes(package)}
    kept = reachable(packages, by_name)
    return {
        "about": "Made by tools/lock_python_packages.py; edit tools/python-packages.in.",
        "requires_python": REQUIRES_PYTHON,
        "released_before": before.isoformat(),
        "packages": {name: packages[name] for name in sorted(kept)},
    }


def add_import_names(packages: dict[str, dict[str, Any]]) -> None:
    """Record the top-level modules of each package, from the file list of its wheel.

    A service must not be named like one of them. Markers play no part: a name that is taken on one
    machine is a bad name on all.
    """
    pins = [f"{name}=={entry['version']}" for name, entry in packages.items()]
    with tempfile.TemporaryDirectory() as folder:
        command = ["uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--python", sys.executable]
        subprocess.run([*command, "--target", folder, *pins], check=True)
        for record in Path(folder).glob("*.dist-info/RECORD"):
            name = canonicalize_name(record.parent.name.removesuffix(".dist-info").rpartition("-")[0])
            files = [line.split(",", maxsplit=1)[0] for line in record.read_text(encoding="utf-8").splitlines()]
            if found := import_names(files):
                packages[name]["imports"] = found


def import_names(files: Iterable[str]) -> list[str]:
    """Modules and packages at the top of a wheel; neither metadata nor scripts nor stubs."""
    names = {file.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0] for file in files if MODULE.fullmatch(file)}
    return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))


def reachable(packages: dict[str, dict[str, Any]], start: Iterable[str]) -> set[str]:
    """Names in the closure: packages for Windows or PyPy alone fell out with their edges."""
    seen: set[str] = set()
    queue = list(start)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        entry = packages[name]
        edges = [*entry.get("requires", []), *itertools.chain(*entry.get("extras", {}).values())]
        queue += [re.split(r"[\[;]", edge, maxsplit=1)[0] for edge in edges]
    return seen


def problems(direct: Iterable[DirectPackage], shipped: dict[str, Any]) -> list[str]:
    """Where the shipped lock does not fit the input file; needs no network."""
    found = []
    packages = shipped["packages"]
    wanted = {package.name: package for package in direct}
    for name, package in wanted.items():
        entry = packages.get(name, {})
        if (entry.get("range"), entry.get("reason")) != (package.range, package.reason):
            found.append(f"{name}: range or reason differs from the lock")
        elif not SpecifierSet(package.range).contains(entry["version"]):
            found.append(f"{name}: locked {entry['version']} is outside {package.range}")
    extra = {name for name, entry in packages.items() if "range" in entry} - wanted.keys()
    return found + [f"{name}: in the lock, not in the input" for name in sorted(extra)]


def main() -> int:
    """Write the lock, or with --check compare it with the input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    direct = read_input(INPUT.read_text(encoding="utf-8"))
    if arguments.check:
        found = problems(direct, json.loads(OUTPUT.read_text(encoding="utf-8")))
        print("\n".join([*found, "run: python tools/lock_python_packages.py"] if found else ["lock fits its input"]))
        return 1 if found else 0
    before = datetime.datetime.now(tz=datetime.UTC).date() - COOLDOWN
    document = lock(direct, resolve(direct, before), before)
    add_import_names(document["packages"])
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{OUTPUT.name}: {len(document['packages'])} packages, released before {before}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
