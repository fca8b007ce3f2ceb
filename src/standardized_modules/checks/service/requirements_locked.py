"""The locked packages are what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of

ID = "SM514"
SEVERITY = "error"
TITLE = "The lock is not of this pyproject.toml"
WHY = (
    "The image installs requirements.txt, without asking pyproject.toml: a dependency that is only added to the "
    "latter is missing at run time, and a raised lower bound is not in force. A version without a hash may be "
    "replaced by whoever gets hold of the index."
)
SOURCE = "https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode"
FIX = "run `make lock` and commit both files"
READS = ("pyproject.toml", "requirements*.txt")
_PROJECT = '[project]\nname = "orders"\ndependencies = ["fastapi>=0.163,<1"]\n'
_LOCKED = "fastapi==VERSION \\\n    --hash=sha256:00\n"
BAD = {"pyproject.toml": _PROJECT, "requirements.txt": _LOCKED.replace("VERSION", "0.160.0")}
GOOD = {"pyproject.toml": _PROJECT, "requirements.txt": _LOCKED.replace("VERSION", "0.163.1")}
_ENTRY = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for runtime and development packages, and for versions without hashes."""
    if "pyproject.toml" not in tree:
        return
    try:
        project = tomllib.loads(tree["pyproject.toml"])
    except tomllib.TOMLDecodeError as error:
        yield Finding(ID, "pyproject.toml", None, f"can't be read: {error}", FIX)
        return
    wanted = project.get("project", {}).get("dependencies", [])
    developing = [one for one in project.get("dependency-groups", {}).get("dev", []) if isinstance(one, str)]
    for path, texts in (("requirements.txt", wanted), ("requirements-dev.txt", [*wanted, *developing])):
        if path not in tree:
            continue
        locked = {canonicalize_name(name): (version, rest) for name, version, rest in _ENTRY.findall(tree[path])}
        for text in texts:
            yield from _finding(path, text, locked)
        for name, (version, rest) in locked.items():
            if "--hash=" not in rest:
                yield Finding(ID, path, line_of(tree[path], f"{name}=="), f"{name} {version} has no hash", FIX)


def _finding(path: str, text: str, locked: Mapping[NormalizedName, tuple[str, str]]) -> Iterator[Finding]:
    try:
        wanted = Requirement(text)
    except InvalidRequirement as error:
        yield Finding(ID, "pyproject.toml", None, f"{text!r} is not a requirement: {error}", FIX)
        return
    found = locked.get(canonicalize_name(wanted.name))
    if found is None:
        yield Finding(ID, path, None, f"{wanted.name} is missing", FIX)
    elif not _fits(wanted, found[0]):
        yield Finding(ID, path, None, f"{wanted.name} is {found[0]}, pyproject.toml asks for {wanted.specifier}", FIX)


def _fits(wanted: Requirement, version: str) -> bool:
    try:
        return wanted.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False
