"""Passwords in Key Vault: the words of its API, and what is made of its answers."""

import json
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.keyvault.secrets.aio import SecretClient

from ledgers.database.credentials import Credentials
from ledgers.database_admin.cloud import (
    KeyVaultStore,
    identity_login,
)
from ledgers.database_admin.secret_store import (
    Secret,
    open_secret_store,
)
from ledgers.database_admin.session import JobError
from ledgers.settings import Settings
from tests.cloud_transport import Answer, Credential, Transport

LOGIN = Credentials("somebody", "of a test")
VAULT = "https://orders-dev.vault.azure.net"
CHALLENGE = (
    'Bearer authorization="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000",'
    ' resource="https://vault.azure.net"'
)


class Vault:
    """Secrets by name."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.refuses = 0

    def answer(self, request: HttpRequest) -> Answer:
        """As the service does."""
        if "Authorization" not in request.headers:
            return Answer(401, b"{}", {"WWW-Authenticate": CHALLENGE})
        if self.refuses:
            return Answer(self.refuses, b'{"error": {"code": "Forbidden", "message": "no"}}')
        name = request.url.partition("/secrets/")[2].partition("?")[0].strip("/")
        if request.method == "PUT":
            self.values[name] = json.loads(_bytes(request))["value"]
        if name not in self.values:
            return Answer(404, b'{"error": {"code": "SecretNotFound", "message": "none"}}')
        content = {"value": self.values[name], "id": f"{VAULT}/secrets/{name}/1", "attributes": {}}
        return Answer(200, json.dumps(content).encode())


def _bytes(request: HttpRequest) -> bytes:
    content: Any = request.content if hasattr(request, "content") else request.body
    return content.encode() if isinstance(content, str) else bytes(content or b"")


def store_of(vault: Vault) -> KeyVaultStore:
    """The client's side of it."""
    credential = Credential()
    client = SecretClient(VAULT, credential, transport=Transport(vault.answer), retry_total=0)
    return KeyVaultStore(client, credential)


async def test_what_is_written_is_read() -> None:
    vault = Vault()
    store = store_of(vault)
    assert await store.read(Secret.APP) is None
    await store.write(Secret.APP, LOGIN)
    assert await store.read(Secret.APP) == LOGIN
    assert json.loads(vault.values["database-app"])["username"] == "somebody"
    await store.close()


async def test_the_empty_value_that_terraform_makes_is_none() -> None:
    vault = Vault()
    vault.values["database-app"] = "{}"
    assert await store_of(vault).read(Secret.APP) is None


async def test_no_access_is_not_taken_for_no_value() -> None:
    vault = Vault()
    vault.refuses = 403
    for action in (
        store_of(vault).read(Secret.APP),
        store_of(vault).write(Secret.APP, LOGIN),
    ):
        with pytest.raises(JobError, match=r"database-app: .*Forbidden"):
            await action


async def test_settings_lead_to_it() -> None:
    store = open_secret_store(Settings(database_secrets=VAULT))
    assert isinstance(store, KeyVaultStore)
    await store.close()
    with pytest.raises(JobError, match="no secret store: 'vault://x'"):
        open_secret_store(Settings(database_secrets="vault://x"))


def test_identity() -> None:
    (statement,) = identity_login("app", Settings(database_user_object_id="1-2-3"))
    assert statement.startswith('SECURITY LABEL FOR "pgaadauth" ON ROLE "app" IS ')
    assert statement.endswith("'aadauth,oid=1-2-3,type=service'")
    with pytest.raises(JobError, match="APP_DATABASE_USER_OBJECT_ID"):
        identity_login("app", Settings())
