"""Logs in with a token of Entra, for the pod's own identity: nothing to store, nothing to rotate.

Managed Redis closes a connection when the token it began with has ended, after an hour or more. A
connection that was closed is replaced at once, with a token that the SDK has renewed five minutes
before; so nobody has to send it again.
"""

from typing import Protocol

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential

from .credentials import LoginError

SCOPE = "https://redis.azure.com/.default"
"""Every Managed Redis of the public cloud."""


class TokenCredential(Protocol):
    """What the SDK's credentials have in common."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token for these scopes."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class IdentityCredentials:
    """In the cluster the federated token of the ServiceAccount is behind it.

    Args:
        user: The object id of the identity, which Managed Redis takes for a user name.
        credential: What gives tokens.
    """

    def __init__(self, user: str, credential: TokenCredential | None = None) -> None:
        self._user = user
        self._credential = credential or DefaultAzureCredential()

    async def login(self) -> tuple[str, str]:
        """See Credentials."""
        try:
            token = await self._credential.get_token(SCOPE)
        except AzureError as error:
            raise LoginError(str(error)) from error
        return self._user, token.token

    async def close(self) -> None:
        """See Credentials."""
        await self._credential.close()
