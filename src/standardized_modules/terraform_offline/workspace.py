"""A throw-away copy of a Terraform directory, so that nothing is ever written into the user's tree."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_LOCAL_MODULE = re.compile(r'^\s*source\s*=\s*"(\.\.?/[^"]*)"', re.MULTILINE)
_LEFT_BEHIND = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate", "*.tfstate.*", ".git")
"""State and downloads of real runs, which would point the core at real providers and at real objects."""

_BACKEND_OVERRIDE = "offline_backend_override.tf"


def copy_of(directory: Path, target: Path) -> Path:
    """Copies the directory and the local modules that it calls, wherever they are; gives its place in the copy."""
    folders = with_modules(directory.resolve())
    root = Path(os.path.commonpath(folders))
    for folder in sorted(folders):  # a parent comes before its children and may have copied them
        shutil.copytree(folder, target / folder.relative_to(root), ignore=_LEFT_BEHIND, dirs_exist_ok=True)
    return target / directory.resolve().relative_to(root)


@contextlib.contextmanager
def local_backend(directory: Path) -> Iterator[None]:
    """Replaces any remote backend of a copy: https://developer.hashicorp.com/terraform/language/files/override.

    Only for commands that need a state, so that `validate` sees the backend block that was written.
    """
    override = directory / _BACKEND_OVERRIDE
    override.write_text('terraform {\n  backend "local" {}\n}\n')
    try:
        yield
    finally:
        override.unlink()


def with_modules(directory: Path) -> set[Path]:
    """The directory and all local modules that it calls, directly or not."""
    found: set[Path] = set()
    pending = [directory]
    while pending:
        folder = pending.pop()
        if folder in found or not folder.is_dir():
            continue
        found.add(folder)
        for file in folder.glob("*.tf"):
            pending += [(folder / source).resolve() for source in _LOCAL_MODULE.findall(file.read_text())]
    return found
