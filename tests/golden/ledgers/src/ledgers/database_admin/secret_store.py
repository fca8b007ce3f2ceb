"""Where the passwords of the logins are kept: what jobs write, pods read as files."""

import json
import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ..database.credentials import Credentials
from ..settings import Settings
from .session import JobError


class Secret(StrEnum):
    """What is kept."""

    APP = "app"
    """The login that the service uses now."""
    MIGRATOR = "migrator"
    BACKUP = "backup"


class SecretStore(Protocol):
    """Keeps logins. A write is there as a whole or not at all, and read by whoever reads next."""

    async def read(self, secret: Secret) -> Credentials | None:
        """None: nothing was written yet. Raises JobError when nobody can tell."""
        ...

    async def write(self, secret: Secret, login: Credentials) -> None:
        """Raises JobError when it may not have been written."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class FileStore:
    """A folder, for local runs and tests: the files are where the cluster mounts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, secret: Secret) -> Credentials | None:
        """See SecretStore."""
        return self._read(self._path(secret))

    async def write(self, secret: Secret, login: Credentials) -> None:
        """See SecretStore."""
        self._write(self._path(secret), serialize(login))

    async def close(self) -> None:
        """See SecretStore."""

    @staticmethod
    def _read(path: Path) -> Credentials | None:
        try:
            return parse(path.read_bytes())
        except FileNotFoundError:
            return None

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Readable for its owner alone from the first moment, and replaced at once.
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)

    def _path(self, secret: Secret) -> Path:
        name = "database" if secret is Secret.APP else f"database-{secret}"
        return self._folder / name / "credentials.json"


def open_secret_store(settings: Settings) -> SecretStore:
    """What APP_DATABASE_SECRETS names."""
    url = urlsplit(settings.database_secrets)
    if url.scheme == "file":
        return FileStore(Path(unquote(url.path)))
    from .cloud import open_cloud_store  # noqa: PLC0415 its SDK is slow to load

    store: SecretStore | None = open_cloud_store(settings.database_secrets)
    if store is None:
        raise JobError(f"APP_DATABASE_SECRETS names no secret store: {settings.database_secrets!r}")
    return store


def serialize(login: Credentials) -> bytes:
    """What the service reads."""
    return json.dumps({"username": login.username, "password": login.password}).encode()


def parse(content: bytes | str) -> Credentials | None:
    """Raises JobError, which does not quote what it could not read.

    None for an empty object: some stores know no secret without a value.
    """
    try:
        match json.loads(content):
            case {} as nothing if not nothing:
                return None
            case {"username": str(username), "password": str(password)} if username and password:
                return Credentials(username, password)
    except ValueError:
        pass
    raise JobError("the secret store holds something that is no login")
