"""Where backups are kept: a folder, or a bucket that keeps them from whoever would delete them."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ..database_admin.session import JobError
from ..settings import Settings

CHUNK = 1 << 20


class Objects(Protocol):
    """Files by name. A name has slashes, no dots at its beginning, and is written once."""

    async def put(self, name: str, path: Path) -> None:
        """Keep a file. Raises JobError when it may not have been kept whole."""
        ...

    async def get(self, name: str, path: Path) -> None:
        """Fetch it into a file. Raises JobError, also when there is none."""
        ...

    async def names(self, prefix: str) -> list[str]:
        """All names that begin with this, in the order of the alphabet."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class Folder:
    """A folder, for local runs and tests, and for a copy that a person has fetched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, path: Path) -> None:
        """See Objects."""
        await asyncio.to_thread(self._put, self._folder / name, path)

    async def get(self, name: str, path: Path) -> None:
        """See Objects."""
        try:
            await asyncio.to_thread(shutil.copyfile, self._folder / name, path)
        except FileNotFoundError as error:
            raise JobError(f"there is no {self._folder / name}") from error

    async def names(self, prefix: str) -> list[str]:
        """See Objects."""
        return await asyncio.to_thread(self._names, prefix)

    async def close(self) -> None:
        """See Objects."""

    @staticmethod
    def _put(target: Path, path: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copyfile(path, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)

    def _names(self, prefix: str) -> list[str]:
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        names = (path.relative_to(self._folder).as_posix() for path in paths)
        return sorted(name for name in names if name.startswith(prefix))


def open_objects(settings: Settings) -> Objects:
    """What APP_BACKUP_TARGET names."""
    url = urlsplit(settings.backup_target)
    if url.scheme == "file":
        return Folder(Path(unquote(url.path)))
    from .cloud import open_cloud_objects  # noqa: PLC0415 its SDK is slow to load

    objects: Objects | None = open_cloud_objects(settings.backup_target)
    if objects is None:
        raise JobError(f"APP_BACKUP_TARGET names no place for backups: {settings.backup_target!r}")
    return objects


def sha256_of(path: Path) -> str:
    """Of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
