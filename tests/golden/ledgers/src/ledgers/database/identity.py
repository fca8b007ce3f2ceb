"""Logs in with a token of Entra, for the pod's own identity: nothing to store, nothing to rotate.

The SDK keeps a token and asks for the next one five minutes before it ends. A session goes on when
the token it began with has ended.
"""

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential

from .credentials import Credentials
from .errors import Unavailable
from .servers import Server

SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
"""Every flexible server of the public cloud."""


class IdentityCredentials:
    """See CredentialsSource. In the cluster it is by the ServiceAccount's federated token.

    Args:
        user: The login that was made for the identity.
        credential: What gives tokens.
    """

    def __init__(self, user: str, credential: AsyncTokenCredential | None = None) -> None:
        self._user = user
        self._credential = credential or DefaultAzureCredential()

    async def current(self, _: Server) -> Credentials:
        """A token; it holds for every server."""
        try:
            token = await self._credential.get_token(SCOPE)
        except AzureError as error:
            raise Unavailable("credentials", str(error)) from error
        return Credentials(self._user, token.token)

    async def close(self) -> None:
        """See CredentialsSource."""
        await self._credential.close()
