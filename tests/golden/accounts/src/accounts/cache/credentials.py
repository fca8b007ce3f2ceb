"""Who we are to the cache: asked for at every new connection, so a rotation needs no restart."""

import json
from pathlib import Path
from typing import Protocol

from ..settings import Settings


class LoginError(Exception):
    """There is no login to be had."""


class Credentials(Protocol):
    """Where logins come from."""

    async def login(self) -> tuple[str, str]:
        """The user and the password for a connection that is opened now. Raises LoginError."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class FileCredentials:
    """The file that the secret store's driver keeps up to date: {"username": …, "password": …}."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def login(self) -> tuple[str, str]:
        """See Credentials. To read a file in memory takes less time than to hand it to a thread."""
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            # Its message may quote the content: name the kind of fault only.
            raise LoginError(f"{self._path}: {type(error).__name__}") from None
        match content:
            case {"username": str(username), "password": str(password)} if username and password:
                return username, password
        raise LoginError(f"{self._path}: not a login")

    async def close(self) -> None:
        """Nothing is held."""


def open_credentials(settings: Settings) -> Credentials | None:
    """What the settings choose."""
    path = settings.cache_credentials_file
    return FileCredentials(Path(path)) if path else None
