"""Who we are to the cache: read at every new connection, so a rotation needs no restart."""

import json
from pathlib import Path

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

Login = tuple[str] | tuple[str, str]


class FileCredentials(CredentialProvider):
    """The file that the secret store's driver keeps up to date: {"username": …, "password": …}."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_credentials(self) -> Login:
        """What a connection that is opened now logs in with."""
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            # Its message may quote the content: name the kind of fault only.
            raise AuthenticationError(f"{self._path}: {type(error).__name__}") from None
        match content:
            case {"username": str(username), "password": str(password)} if password:
                return username or "default", password
        raise AuthenticationError(f"{self._path}: not a login")

    async def get_credentials_async(self) -> Login:
        """The same: to read a file in memory takes less time than to hand it to a thread."""
        return self.get_credentials()
