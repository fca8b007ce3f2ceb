"""The folder `.sm-dev` in the service's own: there as long as the service runs, ignored by git."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standardized_modules.errors import WorkspaceError

STATE = ".sm-dev"


@contextmanager
def state_folder(service: Path) -> Iterator[Path]:
    """The folder, empty; one run a service has it at a time, and the kernel frees it after kill -9.

    Raises:
        WorkspaceError: when the service runs already, or the folder can't be written.
    """
    folder = service / STATE
    try:
        descriptor = _lock(folder)
    except BlockingIOError:
        raise WorkspaceError(
            "sm dev runs this service already", hint="use or end that one (Ctrl-C)", where=str(service)
        ) from None
    except OSError as problem:
        raise WorkspaceError(
            f"can't be written: {(problem.strerror or str(problem)).lower()}",
            hint="sm dev keeps its data there while it runs; make the folder writable",
            where=str(folder),
        ) from None
    try:
        for abandoned in folder.iterdir():
            shutil.rmtree(abandoned) if abandoned.is_dir() else abandoned.unlink()
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """Make and lock the folder; a run that ends may remove it between the two."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists() and os.path.samestat(folder.stat(), os.fstat(descriptor)):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
