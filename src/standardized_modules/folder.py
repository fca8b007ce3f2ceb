"""Files below one folder, reached from an open descriptor: no symbolic link is ever followed.

Every path is walked component by component with O_NOFOLLOW, so that a folder which somebody swaps
for a link in the middle of the work leads nowhere. Paths are POSIX and relative.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from standardized_modules.errors import WorkspaceError
from standardized_modules.model.tree import RenderedFile

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Folder:
    """An open folder. Use it as a context manager.

    Raises:
        WorkspaceError: from every method, when a symbolic link or something that is neither file
            nor folder stands in a path.
        OSError: what the operating system refuses otherwise.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        try:
            self.descriptor = os.open(place, DIRECTORY)
        except OSError as problem:
            if problem.errno in (errno.ELOOP, errno.ENOTDIR) and place.is_symlink():
                raise _link(place) from None
            raise

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def read(self, path: str) -> RenderedFile | None:
        """The file at `path`, or None."""
        with self._parent(path, create=False) as (parent, name):
            if parent is None:
                return None
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
            except FileNotFoundError:
                return None
            except OSError as problem:
                raise self._explain(problem, path) from None
            with os.fdopen(descriptor, "rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise self._not_a_file(path)
                return RenderedFile(stream.read(), bool(mode & stat.S_IXUSR))

    def write(self, path: str, file: RenderedFile) -> None:
        """Make a new file; the user's umask decides its mode."""
        with self._parent(path, create=True) as (parent, name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            assert parent is not None, "it was just created"
            descriptor = os.open(name, flags, 0o777 if file.executable else 0o666, dir_fd=parent)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content)

    def move(self, source: str, target: str) -> None:
        """Rename within the folder, over a file that may stand at `target`, whose mode stays
        except for the executable bits. Does nothing when `source` has gone."""
        with (
            self._parent(source, create=False) as (parent, name),
            self._parent(target, create=True) as (target_parent, target_name),
        ):
            if parent is None or target_parent is None or not _exists(name, parent):
                return
            self._keep_mode(name, parent, target_name, target_parent)
            os.replace(name, target_name, src_dir_fd=parent, dst_dir_fd=target_parent)

    def remove(self, path: str) -> None:
        """Delete a file, if it is there, and the folders that it leaves empty."""
        with self._parent(path, create=False) as (parent, name):
            if parent is None:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
        self.prune(path.rpartition("/")[0])

    def prune(self, path: str) -> None:
        """Delete an empty folder and the folders above it that are empty then."""
        while path:
            with self._parent(path, create=False) as (parent, name):
                if parent is None:
                    return
                try:
                    os.rmdir(name, dir_fd=parent)
                except OSError:
                    return
            path = path.rpartition("/")[0]

    def check_writable(self, path: str) -> None:
        """Refuse a destination where no file can go, before anything is moved."""
        parts = path.split("/")
        for number in range(1, len(parts) + 1):
            part = "/".join(parts[:number])
            with self._parent(part, create=False) as (parent, name):
                if parent is None or not _exists(name, parent):
                    return
                mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
                if stat.S_ISLNK(mode):
                    raise _link(self.place / part)
                if number < len(parts) and not stat.S_ISDIR(mode):
                    raise self._not_a_folder(part)
                if number == len(parts) and not stat.S_ISREG(mode):
                    raise self._not_a_file(part)

    @contextlib.contextmanager
    def _parent(self, path: str, *, create: bool) -> Iterator[tuple[int | None, str]]:
        """The open parent of `path` and the last component; None when a folder is missing."""
        *folders, name = _parts(path)
        descriptor = os.dup(self.descriptor)
        try:
            for number, part in enumerate(folders, start=1):
                below = self._enter(descriptor, part, "/".join(folders[:number]), create=create)
                if below is None:
                    yield None, name
                    return
                # In this order, an interrupt between the two closes no descriptor twice.
                above, descriptor = descriptor, below
                os.close(above)
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _enter(self, parent: int, name: str, path: str, *, create: bool) -> int | None:
        if create:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
        try:
            return os.open(name, DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise self._explain(problem, path) from None

    def _explain(self, problem: OSError, path: str) -> OSError | WorkspaceError:
        if problem.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            place = self.place / path
            return _link(place) if place.is_symlink() else self._not_a_folder(path)
        return problem

    def _keep_mode(self, name: str, parent: int, target: str, target_parent: int) -> None:
        if not _exists(target, target_parent):
            return
        executable = os.stat(name, dir_fd=parent).st_mode & 0o111
        mode = stat.S_IMODE(os.stat(target, dir_fd=target_parent, follow_symlinks=False).st_mode)
        # Executable for everybody who may read, as `chmod +x` under the user's umask.
        readers = (mode & 0o444) >> 2
        os.chmod(name, mode | readers if executable else mode & ~0o111, dir_fd=parent)

    def _not_a_file(self, path: str) -> WorkspaceError:
        return WorkspaceError("is not a regular file", hint="move it out of the way", where=str(self.place / path))

    def _not_a_folder(self, path: str) -> WorkspaceError:
        return WorkspaceError(
            "is not a directory, where one is needed",
            hint="move it out of the way",
            where=str(self.place / path),
        )


def _exists(name: str, parent: int) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise WorkspaceError(
            f"{path!r} is not a path inside the service's folder",
            hint="this is a fault of the library; please report it",
        )
    return parts


def _link(place: Path) -> WorkspaceError:
    return WorkspaceError(
        "is a symbolic link, which sm does not follow into a service's folder",
        hint="use what it points to instead",
        where=str(place),
    )
