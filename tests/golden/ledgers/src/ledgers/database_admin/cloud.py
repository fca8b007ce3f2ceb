"""Azure: passwords in Key Vault, and logins by token of Entra."""

from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

from ..database.credentials import Credentials
from ..settings import Settings
from .names import literal, quoted
from .secret_store import Secret, parse, serialize
from .session import JobError

EMPTY = "{}"
"""What Terraform makes a secret with: Key Vault has none without a value."""


class KeyVaultStore:
    """Secrets `database-app` and the like of one vault."""

    def __init__(self, client: SecretClient, credential: AsyncTokenCredential) -> None:
        self._client = client
        self._credential = credential

    async def read(self, secret: Secret) -> Credentials | None:
        """See SecretStore."""
        name = f"database-{secret}"
        try:
            value = (await self._client.get_secret(name)).value
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise JobError(f"{name}: {error}") from error
        return None if value == EMPTY else parse(value or "{}")

    async def write(self, secret: Secret, login: Credentials) -> None:
        """See SecretStore."""
        name = f"database-{secret}"
        try:
            await self._client.set_secret(
                name, serialize(login).decode(), content_type="application/json"
            )
        except AzureError as error:
            raise JobError(f"{name}: {error}") from error

    async def close(self) -> None:
        """See SecretStore."""
        await self._client.close()
        await self._credential.close()


def open_cloud_store(url: str) -> KeyVaultStore | None:
    """https://<vault>.vault.azure.net, with the identity of the pod."""
    if urlsplit(url).scheme != "https":
        return None
    credential = DefaultAzureCredential()
    return KeyVaultStore(SecretClient(url, credential), credential)


def identity_login(role: str, settings: Settings) -> list[str]:
    """Ties a role to a managed identity. Only an administrator of Entra may do that.

    https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-manage-azure-ad-users
    """
    if not settings.database_user_object_id:
        raise JobError(
            "APP_DATABASE_USER_OBJECT_ID is empty: which identity does the role belong to?"
        )
    label = literal(f"aadauth,oid={settings.database_user_object_id},type=service")
    return [f'SECURITY LABEL FOR "pgaadauth" ON ROLE {quoted(role)} IS {label}']
