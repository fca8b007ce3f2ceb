"""Takes a resolved service and its tree. Returns the files of `.sm/`: lock, base, schema.

The base is the last render, as an uncompressed tar of the managed files: deterministic on every
machine (compressors differ between versions), and git packs it well. Never reads a disk.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from standardized_modules.errors import WorkspaceError
from standardized_modules.model.library import Library
from standardized_modules.model.lock import Lock, LockedFile
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.model.tree import FileTree, RenderedFile
from standardized_modules.schemas import spec_schema

LOCK = ".sm/lock.json"
BASE = ".sm/base.tar"
SCHEMA = ".sm/sm.schema.json"
FORMAT = 1
DAMAGED = "restore the folder .sm from version control"


def record(service: ResolvedService, tree: FileTree, library: Library, tool: str) -> dict[str, RenderedFile]:
    """The files of `.sm/` for a tree.

    Args:
        service: What was rendered.
        tree: Its files.
        library: For the schema of `sm.yaml`.
        tool: Version of `sm`.
    """
    base = _pack(tree)
    lock = _lock(service, tree, tool, hashlib.sha256(base).hexdigest())
    schema = msgspec.json.format(msgspec.json.encode(spec_schema(library)), indent=2) + b"\n"
    contents = {BASE: base, LOCK: _pretty(lock), SCHEMA: schema}
    return {path: RenderedFile(content, ownership="record", origin="sm") for path, content in contents.items()}


class Previous(msgspec.Struct, frozen=True):
    """The last render: its files, and its lock when there is one."""

    base: FileTree
    lock: Lock | None

    @classmethod
    def nothing(cls) -> Previous:
        """A folder that `sm` did not make."""
        return cls(FileTree({}), None)

    @property
    def conflicts(self) -> dict[str, str]:
        """Conflicts that it left open: path → sha256 of what was proposed."""
        return self.lock.conflicts if self.lock else {}


def with_conflicts(tree: FileTree, previous: Previous, conflicts: Mapping[str, bytes]) -> FileTree:
    """The tree with records that still hold the previous base of paths in conflict.

    Otherwise the next run would take the proposal for something that the user has seen and
    rejected, and the new version would never be offered again.

    Args:
        tree: A render with its records.
        previous: The render before it.
        conflicts: Path → target content, for the paths in conflict.
    """
    kept = {path: file for path, file in tree if path not in conflicts}
    kept |= {path: previous.base.files[path] for path in conflicts if path in previous.base.files}
    base = _pack(FileTree(dict(sorted(kept.items()))))
    lock = read_lock(tree.files[LOCK].content)
    files = {path: entry for path, entry in lock.files.items() if path not in conflicts}
    if previous.lock is not None:
        files |= {path: previous.lock.files[path] for path in conflicts if path in previous.lock.files}
    lock = replace(
        lock,
        files=dict(sorted(files.items())),
        base_sha256=hashlib.sha256(base).hexdigest(),
        conflicts={path: hashlib.sha256(content).hexdigest() for path, content in sorted(conflicts.items())},
    )
    records = {BASE: replace(tree.files[BASE], content=base), LOCK: replace(tree.files[LOCK], content=_pretty(lock))}
    return FileTree({**tree.files, **records})


def read_previous(lock_text: bytes, base_text: bytes) -> Previous:
    """The last render, from the two files of `.sm/`.

    Raises:
        WorkspaceError: when the two are damaged or don't belong together.
    """
    lock = read_lock(lock_text)
    if hashlib.sha256(base_text).hexdigest() != lock.base_sha256:
        raise WorkspaceError(f"{BASE} is not the one that {LOCK} was written with", hint=DAMAGED, where=BASE)
    managed = _unpack(base_text)
    files = {
        path: managed[path]
        if locked.ownership == "managed"
        else RenderedFile(b"", ownership="starter", origin=locked.origin)
        for path, locked in lock.files.items()
    }
    return Previous(FileTree(files), lock)


def read_lock(text: bytes) -> Lock:
    """The lock from its text.

    Raises:
        WorkspaceError: when it is damaged or of a format that is not known.
    """
    try:
        lock = msgspec.json.decode(text, type=Lock)
    except msgspec.DecodeError as problem:
        raise WorkspaceError(f"can't be read: {problem}", hint=DAMAGED, where=LOCK) from None
    if lock.format != FORMAT:
        raise WorkspaceError(
            f"format {lock.format} is newer than this version of sm knows",
            hint=f"install sm {lock.tool} or newer",
            where=LOCK,
        )
    return lock


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def _lock(service: ResolvedService, tree: FileTree, tool: str, base_sha256: str) -> Lock:
    spec = service.spec
    return Lock(
        format=FORMAT,
        tool=tool,
        service=spec.name,
        cloud=spec.cloud,
        region=spec.region,
        owner=spec.owner,
        patterns=service.composition.patterns,
        parameters=service.common.parameters,
        environment_parameters={
            each.name: {
                path: value for path, value in each.parameters.items() if value != service.common.parameters[path]
            }
            for each in service.environments
        },
        files={path: LockedFile(file.digest, file.ownership, file.origin) for path, file in tree},
        base_sha256=base_sha256,
    )


def _pack(tree: FileTree) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, file in tree:
            if file.ownership == "managed":
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(file.content), file.mode
                archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def _unpack(content: bytes) -> dict[str, RenderedFile]:
    """Files by path. Nothing is written to disk, so an entry's name can't escape."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        return {
            entry.name: RenderedFile(stream.read(), bool(entry.mode & 0o100))
            for entry in archive
            if (stream := archive.extractfile(entry)) is not None
        }
