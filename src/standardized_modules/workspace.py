"""The only module that reads or writes a service's folder.

A new folder is built beside its place and renamed into it, so that it exists whole or not at
all. In an existing folder everything is first written below `.sm/`, where a full disk shows, and
then renamed file by file, the lock last. No symbolic link inside the folder is followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from standardized_modules.errors import WorkspaceError
from standardized_modules.model.changes import WRITING, Change, ChangeSet
from standardized_modules.model.tree import FileTree, RenderedFile
from standardized_modules.stages.record import BASE, LOCK, read_base

PROPOSAL_SUFFIX = ".sm-new"
"""Beside a file in conflict, the version that would have been written."""
STAGING = ".sm/staging"


def is_empty(directory: Path) -> bool:
    """Whether nothing stands at `directory`, or an empty folder."""
    with _explained(directory):
        try:
            with os.scandir(directory) as entries:
                return next(entries, None) is None
        except FileNotFoundError:
            return True


def load_base(directory: Path) -> FileTree:
    """The last render of the service in `directory`; empty when `sm` did not make it.

    Raises:
        WorkspaceError: when `.sm/` is damaged.
    """
    lock = read_file(directory, LOCK)
    base = read_file(directory, BASE)
    if lock is None and base is None:
        return FileTree({})
    if lock is None or base is None:
        missing = LOCK if lock is None else BASE
        raise WorkspaceError(f"{missing} is missing", hint="restore the folder .sm from version control")
    return read_base(lock.content, base.content)


def read_files(directory: Path, paths: Iterable[str]) -> dict[str, RenderedFile]:
    """What stands at `paths` now; absent paths are left out."""
    found = {path: read_file(directory, path) for path in paths}
    return {path: file for path, file in found.items() if file is not None}


def read_file(directory: Path, path: str) -> RenderedFile | None:
    """One file of the folder, or None.

    Raises:
        WorkspaceError: when a symbolic link or a folder stands where a file should.
    """
    place = _inside(directory, path)
    with _explained(place):
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise WorkspaceError("is not a regular file", hint="move it out of the way", where=str(place))
            return RenderedFile(stream.read(), bool(mode & stat.S_IXUSR))


def read_text(path: Path) -> str:
    """A text file that the user named, wherever it is.

    Raises:
        WorkspaceError: when it can't be read or is not UTF-8.
    """
    with _explained(path):
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as problem:
            raise WorkspaceError(
                f"is not UTF-8 text (byte {problem.start})",
                hint="save it as UTF-8",
                where=str(path),
            ) from None


def apply(changes: ChangeSet, directory: Path) -> None:
    """Carry out the changes.

    Raises:
        WorkspaceError: when the folder can't be written, another run writes it, or a file
            changed since the plan; nothing is half-written then.
    """
    if is_empty(directory):
        _create(changes, directory)
    else:
        _update(changes, directory)


def _create(changes: ChangeSet, directory: Path) -> None:
    target = directory.absolute()
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
        building = target.parent / f".{target.name}.sm-{secrets.token_hex(6)}"
        building.mkdir()
        try:
            with _locked(building):
                for change in changes.of(*WRITING):
                    _write(building, change)
                _publish(building, target)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise


def _publish(building: Path, target: Path) -> None:
    """Rename into place. The kernel refuses when somebody else was first: the rename of a
    folder replaces an empty one only."""
    try:
        os.rename(building, target)
    except OSError as problem:
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise WorkspaceError(
                "another run, or somebody else, made this folder in the meantime",
                hint="look at what is there, then choose another --output-dir or use --force",
                where=str(target),
            ) from None
        raise


def _remove_abandoned(target: Path) -> None:
    """Remove what runs that were killed left beside the folder; a run that lives holds a lock."""
    for abandoned in target.parent.glob(f".{target.name}.sm-*"):
        with contextlib.suppress(WorkspaceError, OSError), _locked(abandoned):
            shutil.rmtree(abandoned, ignore_errors=True)


def _update(changes: ChangeSet, directory: Path) -> None:
    with _explained(directory), _locked(directory):
        writes = [_proposal(each) for each in changes.changes if _writes(each)]
        writes.sort(key=lambda each: (each.path == LOCK, each.path))
        staging = _inside(directory, STAGING)
        shutil.rmtree(staging, ignore_errors=True)
        try:
            for change in writes:
                _write(staging, change)
            _check_unchanged(changes, directory)
            for change in writes:
                destination = _inside(directory, change.path)
                destination.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staging / change.path, destination)
            for change in changes.of("delete"):
                _inside(directory, change.path).unlink(missing_ok=True)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _writes(change: Change) -> bool:
    return change.content is not None and (change.action in WRITING or change.action == "conflict")


def _proposal(change: Change) -> Change:
    if change.action != "conflict":
        return change
    return Change(
        path=change.path + PROPOSAL_SUFFIX,
        action="create",
        reason=change.reason,
        content=change.content,
        executable=change.executable,
    )


def _check_unchanged(changes: ChangeSet, directory: Path) -> None:
    for change in changes.changes:
        if change.action in WRITING or change.action == "delete":
            now = read_file(directory, change.path)
            if (now.digest if now else None) != change.before:
                raise WorkspaceError(
                    "changed while sm was working; nothing was written",
                    hint="run the command again",
                    where=change.path,
                )


def _write(root: Path, change: Change) -> None:
    assert change.content is not None
    path = root / change.path
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if change.executable else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(change.content)
        os.fchmod(stream.fileno(), mode)


def _inside(directory: Path, path: str) -> Path:
    """The place of `path`, refused when it leaves the folder or passes a symbolic link."""
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise WorkspaceError(
            f"{path!r} is not a path inside the service's folder",
            hint="this is a fault of the library; please report it",
        )
    place = directory
    for part in parts:
        place = place / part
        if place.is_symlink():
            raise WorkspaceError(
                "is a symbolic link, which sm does not follow inside a service's folder",
                hint="replace it with what it points to",
                where=str(place),
            )
    return place


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the folder's advisory lock; the kernel frees it even after kill -9."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceError(
                "another run of sm is writing here",
                hint="wait until it has ended",
                where=str(directory),
            ) from None
        yield
    finally:
        os.close(descriptor)


_HINTS = {
    errno.ENOSPC: "free some space; nothing was left half-written",
    errno.EFBIG: "the limit on file sizes (ulimit -f) is too low; nothing was left half-written",
    errno.EDQUOT: "free some of your quota; nothing was left half-written",
    errno.EACCES: "choose a folder that you may write with --output-dir",
    errno.EPERM: "choose a folder that you may write with --output-dir",
    errno.EROFS: "choose a folder on a file system that is not read-only with --output-dir",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another --output-dir",
    errno.ELOOP: "replace the symbolic link with what it points to",
    errno.ENAMETOOLONG: "choose a shorter --output-dir",
}


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an error with a way out."""
    try:
        yield
    except OSError as problem:
        hint = _HINTS.get(problem.errno or 0, "check the folder and its file system")
        reason = (problem.strerror or str(problem)).lower()
        raise WorkspaceError(
            f"can't be read or written: {reason}",
            hint=hint,
            where=str(problem.filename or place),
        ) from None
