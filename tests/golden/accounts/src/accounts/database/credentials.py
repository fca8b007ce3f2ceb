"""Who we are to the database: asked for at every new connection, so a rotation needs no restart."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..settings import Settings
from .errors import Unavailable
from .servers import Server

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login. The password stays out of logs and stack traces."""

    username: str
    password: str = field(repr=False)


class CredentialsSource(Protocol):
    """Where logins come from."""

    async def current(self, server: Server) -> Credentials:
        """What a connection that is opened now logs in with. Raises Unavailable."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class FileCredentials:
    """The file that the secret store's driver keeps up to date: {"username": …, "password": …}.

    Reading a hundred bytes from memory costs nothing beside opening a connection, so there is no
    copy that could be old, except one: a file that is being written at this moment is not valid
    JSON, and then the login that worked before is still the right one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: Credentials | None = None

    async def current(self, _: Server) -> Credentials:
        """See CredentialsSource."""
        try:
            self._last = _read(self._path)
        except (OSError, ValueError) as error:
            # Its message may quote the content: name the kind of fault only.
            fault = type(error).__name__
            if self._last is None:
                raise Unavailable("credentials", f"{self._path}: {fault}") from None
            _log.warning("credentials not readable, using the last ones", extra={"fault": fault})
        return self._last

    async def close(self) -> None:
        """See CredentialsSource."""


def open_credentials(settings: Settings) -> CredentialsSource:
    """What the settings choose: a password from a file, or a token of the pod's own identity."""
    if settings.database_authentication == "password":
        return FileCredentials(Path(settings.database_credentials_file))
    from .identity import IdentityCredentials  # noqa: PLC0415 its SDK is slow to load

    return IdentityCredentials(settings.database_user)


def _read(path: Path) -> Credentials:
    content = json.loads(path.read_bytes())
    match content:
        case {"username": str(username), "password": str(password)} if username and password:
            return Credentials(username, password)
    raise ValueError("not a login")
