"""AWS: passwords in Secrets Manager, and logins by token of IAM."""

import os
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from ..database.credentials import Credentials
from ..settings import Settings
from .names import quoted
from .secret_store import Secret, parse, serialize
from .session import JobError

if TYPE_CHECKING:
    from aiobotocore.session import ClientCreatorContext
    from types_aiobotocore_secretsmanager import SecretsManagerClient

SCHEME = "secretsmanager://"

_CONFIG = AioConfig(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 5}
)


class SecretsManagerStore:
    """Secrets `<prefix>/database-app` and the like. Terraform makes them, without a value."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._session = get_session()

    async def read(self, secret: Secret) -> Credentials | None:
        """See SecretStore."""
        name = self._name(secret)
        try:
            async with self._client() as client:
                answer = await client.get_secret_value(SecretId=name)
        except ClientError as error:
            # Also when the secret itself is missing; writing will tell.
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise JobError(f"{name}: {error}") from error
        except BotoCoreError as error:
            raise JobError(f"{name}: {error}") from error
        return parse(answer["SecretString"])

    async def write(self, secret: Secret, login: Credentials) -> None:
        """See SecretStore."""
        name, value = self._name(secret), serialize(login).decode()
        try:
            async with self._client() as client:
                await client.put_secret_value(SecretId=name, SecretString=value)
        except (ClientError, BotoCoreError) as error:
            raise JobError(f"{name}: {error}") from error

    async def close(self) -> None:
        """See SecretStore."""

    def _client(self) -> "ClientCreatorContext[SecretsManagerClient]":
        # The variable that EKS sets; this SDK reads another one by itself.
        region = os.environ.get("AWS_REGION") or None
        return self._session.create_client("secretsmanager", region_name=region, config=_CONFIG)

    def _name(self, secret: Secret) -> str:
        return f"{self._prefix}/database-{secret}"


def open_cloud_store(url: str) -> SecretsManagerStore | None:
    """secretsmanager://<prefix>, in the region of the pod (AWS_REGION)."""
    if not url.startswith(SCHEME):
        return None
    return SecretsManagerStore(url.removeprefix(SCHEME).strip("/"))


def identity_login(role: str, _: Settings) -> list[str]:
    """Lets a role log in with tokens of IAM, and by nothing else."""
    return [f"GRANT rds_iam TO {quoted(role)}"]
