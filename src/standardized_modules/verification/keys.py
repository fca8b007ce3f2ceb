"""What decides the result of a check, as the key under which the result is kept."""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from standardized_modules.checks import CheckInfo, Tree, index
from standardized_modules.verification.cache import key_of, shared_digest

PROGRAMS = ("kubectl", "shellcheck", "terraform", "tofu")
"""What checks run besides their own TOOL."""


def keys(tree: Tree, checks: Sequence[CheckInfo], versions: Mapping[str, str]) -> dict[str, str]:
    """The key of each check: the files that it reads, its text, the rest of sm, tools, options and the day.

    Online, what `terraform init` has installed counts too, and a result is of today: databases grow.
    """
    today = datetime.date.today().isoformat()
    common = [
        shared_digest(),
        sys.version,
        msgspec.json.encode(versions, order="sorted").decode(),
        f"online {today}" if tree.online else "offline",
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in tree.catalogs if path.is_file()),
        *map(_identity, sorted({*PROGRAMS, *(each.tool for each in index())} - {""})),
        *(_installed(tree.root) if tree.online and tree.root else ()),
    ]
    return {
        check.id: key_of(check, *common, tree.only(check.reads).digest, today if check.daily else "")
        for check in checks
    }


def _identity(program: str) -> str:
    """What changes when a program is replaced: asking each for its version would take longer than a warm run."""
    beside = Path(sys.executable).parent / program
    path = str(beside) if beside.is_file() else shutil.which(program)
    if not path:
        return f"no {program}"
    about = Path(path).stat()
    return f"{Path(path).resolve()} {about.st_size} {about.st_mtime_ns}"


def _installed(root: Path) -> Iterator[str]:
    """Files below every `.terraform` of a service: providers and modules."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        if ".terraform" in Path(folder).relative_to(root).parts:
            for file in sorted(files):
                path = Path(folder, file)
                yield f"{path.relative_to(root)} {path.lstat().st_size} {path.lstat().st_mtime_ns}"
