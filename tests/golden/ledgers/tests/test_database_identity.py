"""Tokens for the database: what the SDK asks of Entra, and what is made of its answers."""

import json
from pathlib import Path
from typing import cast

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.identity.aio import DefaultAzureCredential

from ledgers.database.credentials import open_credentials
from ledgers.database.errors import Unavailable
from ledgers.database.identity import IdentityCredentials
from ledgers.database.servers import Server
from ledgers.settings import Settings
from tests.cloud_transport import Answer, Transport

AUTHORITY = "https://login.microsoftonline.com/"
CLIENT, TENANT = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
SERVER = Server("primary", "psql-orders-prod.postgres.database.azure.com", 5432)


class Entra:
    """Gives out one token after the other, which end after some seconds, or refuses."""

    def __init__(self, *tokens: str, seconds: int = 3600) -> None:
        self.forms: list[dict[str, str]] = []
        self._tokens = list(tokens)
        self._seconds = seconds

    def answer(self, request: HttpRequest) -> Answer:
        """As the service does."""
        if not request.url.startswith(f"{AUTHORITY}{TENANT}/oauth2/v2.0/token"):
            return Answer(404)
        self.forms.append(cast("dict[str, str]", request.data))
        if not self._tokens:
            refusal = {"error": "unauthorized_client", "error_description": "AADSTS700213: nobody"}
            return Answer(401, json.dumps(refusal).encode())
        token = {"access_token": self._tokens.pop(0), "expires_in": self._seconds}
        return Answer(200, json.dumps({**token, "token_type": "Bearer"}).encode())

    def credentials(self) -> IdentityCredentials:
        """Ours, with the SDK's own way from the pod to the token."""
        of_the_pod = DefaultAzureCredential(transport=Transport(self.answer))
        return IdentityCredentials("app_identity", of_the_pod)


@pytest.fixture(autouse=True)
def _pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the webhook of Workload Identity gives to a pod."""
    token = tmp_path / "azure-identity-token"
    token.write_text("of-the-service-account")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", AUTHORITY)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))


async def test_the_token_of_the_service_account_is_changed_for_one_of_the_database() -> None:
    entra = Entra("token")
    source = entra.credentials()
    login = await source.current(SERVER)
    assert (login.username, login.password) == ("app_identity", "token")
    (form,) = entra.forms
    assert form["scope"] == "https://ossrdbms-aad.database.windows.net/.default"
    assert form["client_id"] == CLIENT
    assert form["client_assertion"] == "of-the-service-account"
    await source.close()


async def test_one_token_serves_all_connections_until_it_ends() -> None:
    entra = Entra("first", "second")
    source = entra.credentials()
    replica = Server("replica-1", "psql-orders-prod-replica-1.postgres.database.azure.com", 5432)
    assert {(await source.current(each)).password for each in (SERVER, replica)} == {"first"}
    await source.close()

    source = Entra("first", "second", seconds=0).credentials()
    assert [(await source.current(SERVER)).password for _ in range(2)] == ["first", "second"]
    await source.close()


async def test_a_refusal_is_a_database_that_is_away() -> None:
    source = Entra().credentials()
    with pytest.raises(Unavailable, match="AADSTS700213") as refused:
        await source.current(SERVER)
    assert refused.value.reason == "credentials"
    await source.close()


async def test_so_is_a_pod_whose_token_is_not_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "nothing"))
    source = Entra("token").credentials()
    with pytest.raises(Unavailable, match="nothing"):
        await source.current(SERVER)
    await source.close()


async def test_the_settings_choose() -> None:
    chosen = open_credentials(Settings(database_authentication="identity", database_user="app"))
    assert isinstance(chosen, IdentityCredentials)
    await chosen.close()
