"""Logs in to RDS with a token of the pod's own identity: nothing to store, nothing to rotate.

A token is a signed request, made here without asking AWS, in a tenth of a millisecond; so there is
one for each connection. The SDK keeps the credentials behind it and renews them before they end.
"""

from aiobotocore.session import get_session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from .credentials import Credentials
from .errors import Unavailable
from .servers import Server

TOKEN_SECONDS = 900
"""As long as RDS accepts one for logging in; a session goes on when it has ended."""


class IdentityCredentials:
    """See CredentialsSource. The database user has the role rds_iam."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._session = get_session()

    async def current(self, server: Server) -> Credentials:
        """A token for this server; it holds for the name and port that it was made for."""
        try:
            provider = await self._session.get_credentials()
            if provider is None:
                raise Unavailable("credentials", "no identity of AWS")
            keys = await provider.get_frozen_credentials()
        except (BotoCoreError, ClientError, RuntimeError) as error:
            # The last one says that what was renewed has ended already.
            raise Unavailable("credentials", str(error)) from error
        address = f"https://{server.host}:{server.port}/"
        query = {"Action": "connect", "DBUser": self._user}
        request = AWSRequest("GET", address, params=query)
        SigV4QueryAuth(keys, "rds-db", _region(server.host), TOKEN_SECONDS).add_auth(request)
        return Credentials(self._user, request.prepare().url.removeprefix("https://"))

    async def close(self) -> None:
        """See CredentialsSource."""


def _region(host: str) -> str:
    """The name of a server says it, elsewhere too: <name>.<id>.<region>.rds.amazonaws.com."""
    name, separator, _ = host.partition(".rds.amazonaws.com")
    if not separator:
        raise Unavailable("credentials", f"{host} is no name of RDS, and a token needs one")
    return name.rpartition(".")[2]
