"""Tokens for RDS, compared with those that the SDK makes."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError
from botocore.session import get_session

from accounts.database.errors import Unavailable
from accounts.database.identity import IdentityCredentials
from accounts.database.servers import Server

HOST = "orders-prod.abcdefghijkl.eu-west-1.rds.amazonaws.com"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of nobody, and no others."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")


def by_sdk() -> str:
    """What the client for RDS gives; it takes seconds to load, for nothing else."""
    client = get_session().create_client("rds", region_name="eu-west-1")
    made = client.generate_db_auth_token  # type: ignore[attr-defined]  # of a JSON model
    return str(made(HOST, 5432, "app"))


async def test_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as the SDK's, signature and all."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: MOMENT)
    source = IdentityCredentials("app")
    ours = await source.current(Server("primary", HOST, 5432))
    await source.close()
    assert ours.username == "app"
    assert ours.password == by_sdk()
    assert ours.password.startswith(f"{HOST}:5432/?Action=connect&DBUser=app&")


@pytest.mark.parametrize("host", ["db.example.com", "127.0.0.1"])
async def test_a_name_that_is_not_of_rds(host: str) -> None:
    """A token is for a region, and only the name says which."""
    with pytest.raises(Unavailable, match="no name of RDS"):
        await IdentityCredentials("app").current(Server("primary", host, 5432))


async def test_a_pod_without_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(Unavailable, match="no identity of AWS"):
        await IdentityCredentials("app").current(Server("primary", HOST, 5432))


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRoleWithWebIdentity"),
        CredentialRetrievalError(provider="container-role", error_msg="timed out"),
        RuntimeError("the refreshed credentials are still expired"),
    ],
    ids=["refused", "away", "expired"],
)
async def test_keys_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever the SDK calls it: there is no login now, and clients are told to come again."""

    class Keys:
        async def get_frozen_credentials(self) -> None:
            raise error

    async def keys(_: object) -> Keys:
        return Keys()

    monkeypatch.setattr("aiobotocore.session.AioSession.get_credentials", keys)
    with pytest.raises(Unavailable) as refused:
        await IdentityCredentials("app").current(Server("primary", HOST, 5432))
    assert refused.value.reason == "credentials"
