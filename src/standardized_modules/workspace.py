"""The only module that reads or writes a service's folder.

A new folder is built beside its place and renamed into it, so that it exists whole or not at
all. An existing one is updated in a transaction: everything is staged below `.sm/staging`, where
a full disk shows; then the journal is put there, from which moment the update counts; then files
are moved into place, deletions follow, and lock and base come last. A process that dies before
the journal has changed nothing, and one that dies after it is finished by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from standardized_modules.errors import WorkspaceError
from standardized_modules.folder import Folder
from standardized_modules.model.changes import WRITING, Change, ChangeSet
from standardized_modules.model.tree import RenderedFile
from standardized_modules.stages.record import BASE, LOCK, Previous, read_previous

CONFLICTS = ".sm/conflicts/"
"""Below it, at the same path, the version that would have been written over a file of the user."""
STAGING = ".sm/staging"
JOURNAL = f"{STAGING}/journal.json"
STAGED = f"{STAGING}/files/"
RECORDS = (BASE, LOCK)


class Journal(msgspec.Struct, frozen=True):
    """What an update has decided: files to move into place and files to delete, in order."""

    moves: tuple[str, ...]
    removals: tuple[str, ...]


def is_empty(directory: Path) -> bool:
    """Whether nothing stands at `directory`, or an empty folder."""
    with _explained(directory):
        try:
            with Folder(directory) as folder, os.scandir(folder.descriptor) as entries:
                return next(entries, None) is None
        except FileNotFoundError:
            return True


def load_previous(directory: Path) -> Previous:
    """The last render of the service in `directory`; empty when `sm` did not make it.

    Finishes an update that was interrupted.

    Raises:
        WorkspaceError: when `.sm/` is damaged.
    """
    with _explained(directory), Folder(directory) as folder:
        if folder.read(JOURNAL) is not None:
            with _locked(folder):
                _finish(folder)
        lock, base = folder.read(LOCK), folder.read(BASE)
    if lock is None and base is None:
        return Previous.nothing()
    if lock is None or base is None:
        missing = LOCK if lock is None else BASE
        raise WorkspaceError(f"{missing} is missing", hint="restore the folder .sm from version control")
    return read_previous(lock.content, base.content)


def settled_conflicts(directory: Path, proposed: Mapping[str, str]) -> dict[str, str]:
    """Of the conflicts that were left open, those whose proposal the user has deleted: that is
    how somebody says "my version is the one"."""
    still_there = read_files(directory, [CONFLICTS + path for path in proposed])
    return {path: digest for path, digest in proposed.items() if CONFLICTS + path not in still_there}


def read_files(directory: Path, paths: Iterable[str]) -> dict[str, RenderedFile]:
    """What stands at `paths` now; absent paths are left out.

    Raises:
        WorkspaceError: when a symbolic link or a folder stands where a file should.
    """
    with _explained(directory), Folder(directory) as folder:
        found = {path: folder.read(path) for path in paths}
    return {path: file for path, file in found.items() if file is not None}


def apply(changes: ChangeSet, directory: Path) -> None:
    """Carry out the changes.

    Raises:
        WorkspaceError: when the folder can't be written, another run writes it, or something
            changed since the plan; nothing has been changed then.
    """
    with _explained(directory):
        if changes.fresh:
            _create(changes, directory)
        else:
            _update(changes, directory)


def _create(changes: ChangeSet, directory: Path) -> None:
    target = directory.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    building = target.parent / f".{target.name}.sm-{secrets.token_hex(6)}"
    try:  # from before the mkdir on: Ctrl-C may come between any two instructions
        building.mkdir()
        with Folder(building) as folder, _locked(folder):
            for change in changes.of(*WRITING):
                folder.write(change.path, _file(change))
            _publish(building, target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _publish(building: Path, target: Path) -> None:
    """Rename into place. The kernel refuses when somebody else was first: the rename of a
    folder replaces an empty one only."""
    with contextlib.suppress(FileNotFoundError):
        building.chmod(target.stat(follow_symlinks=False).st_mode & 0o7777)
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
    ours = re.compile(rf"\.{re.escape(target.name)}\.sm-[0-9a-f]{{12}}")
    for abandoned in target.parent.iterdir():
        if ours.fullmatch(abandoned.name):
            with contextlib.suppress(WorkspaceError, OSError), Folder(abandoned) as folder, _locked(folder):
                shutil.rmtree(abandoned, ignore_errors=True)


def _update(changes: ChangeSet, directory: Path) -> None:
    with Folder(directory) as folder, _locked(folder):
        _finish(folder)
        _discard_staging(folder)
        writes = {_destination(each): _file(each) for each in changes.changes if _writes(each)}
        journal = Journal(
            moves=(*sorted(writes.keys() - set(RECORDS)), *(each for each in RECORDS if each in writes)),
            removals=(*(each.path for each in changes.of("delete")), *_stale_proposals(changes)),
        )
        try:
            for path in journal.moves:
                folder.check_writable(path)
                folder.write(STAGED + path, writes[path])
            _check_unchanged(changes, folder)
            folder.write(f"{STAGED}journal", RenderedFile(msgspec.json.encode(journal)))
            folder.move(f"{STAGED}journal", JOURNAL)
        except BaseException:
            _discard_staging(folder)
            raise
        try:
            _finish(folder)
        except KeyboardInterrupt:
            _finish(folder)
            raise


def _finish(folder: Folder) -> None:
    """Carry out the journal. May be repeated: what is done already does nothing."""
    text = folder.read(JOURNAL)
    if text is None:
        return
    journal = msgspec.json.decode(text.content, type=Journal)
    for path in journal.moves:
        if path not in RECORDS:
            folder.move(STAGED + path, path)
    for path in journal.removals:
        folder.remove(path)
    for path in RECORDS:
        folder.move(STAGED + path, path)
    _discard_staging(folder)


def _discard_staging(folder: Folder) -> None:
    """The journal goes first: without it, staged files mean nothing."""
    folder.remove(JOURNAL)
    shutil.rmtree(STAGING, ignore_errors=True, dir_fd=folder.descriptor)
    folder.prune(".sm")


def _writes(change: Change) -> bool:
    return change.content is not None and (change.action in WRITING or change.action == "conflict")


def _destination(change: Change) -> str:
    return CONFLICTS + change.path if change.action == "conflict" else change.path


def _file(change: Change) -> RenderedFile:
    assert change.content is not None
    return RenderedFile(change.content, change.executable)


def _stale_proposals(changes: ChangeSet) -> Iterator[str]:
    """Proposals of earlier runs for conflicts that are over."""
    open_now = {change.path for change in changes.conflicts}
    return (CONFLICTS + path for path in changes.proposed_before if path not in open_now)


def _check_unchanged(changes: ChangeSet, folder: Folder) -> None:
    for change in changes.changes:
        if change.action in WRITING or change.action == "delete":
            now = folder.read(change.path)
            if (now.digest if now else None) != change.before:
                raise WorkspaceError(
                    "changed while sm was working; nothing was written",
                    hint="run the command again with --force",
                    where=str(folder.place / change.path),
                )


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    """Hold the folder's advisory lock; the kernel frees it even after kill -9."""
    try:
        fcntl.flock(folder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WorkspaceError(
            "another run of sm is writing this folder",
            hint="wait until it has ended",
            where=str(folder.place),
        ) from None
    try:
        yield
    finally:
        fcntl.flock(folder.descriptor, fcntl.LOCK_UN)


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
    errno.EBUSY: "it is a mount point; choose a folder below it with --output-dir",
}


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an error with a way out."""
    try:
        yield
    except OSError as problem:
        hint = _HINTS.get(problem.errno or 0, "check the folder and its file system")
        reason = (problem.strerror or str(problem)).lower()
        raise WorkspaceError(f"can't be read or written: {reason}", hint=hint, where=str(place)) from None
