"""Passwords in Secrets Manager: the words of its API, and what is made of its answers."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from accounts.database.credentials import Credentials
from accounts.database_admin.cloud import identity_login
from accounts.database_admin.secret_store import (
    Secret,
    open_secret_store,
)
from accounts.database_admin.session import JobError
from accounts.settings import Settings
from tests.cloud_server import serving

LOGIN = Credentials("somebody", "of a test")


class SecretsManager:
    """Secrets that Terraform has made, one of them with a value."""

    def __init__(self) -> None:
        self.values: dict[str, str | None] = {"orders-dev/database-app": None}
        self.refuses = ""

    async def answer(self, request: web.Request) -> web.Response:
        """As the service does."""
        target = request.headers["X-Amz-Target"].removeprefix("secretsmanager.")
        asked = json.loads(await request.read())
        name = asked["SecretId"]
        if self.refuses:
            return self._error(self.refuses)
        if name not in self.values:
            return self._error("ResourceNotFoundException")
        if target == "PutSecretValue":
            self.values[name] = asked["SecretString"]
            return self._answer({"Name": name, "VersionId": "1"})
        if (value := self.values[name]) is None:
            return self._error("ResourceNotFoundException")
        return self._answer({"Name": name, "SecretString": value})

    @staticmethod
    def _answer(content: dict[str, str], status: int = 200) -> web.Response:
        text = json.dumps(content)
        return web.Response(text=text, status=status, content_type="application/x-amz-json-1.1")

    def _error(self, code: str) -> web.Response:
        return self._answer({"__type": code, "message": f"{code} of the test"}, 400)


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SecretsManager]:
    """See SecretsManager."""
    made = SecretsManager()
    async with serving(made.answer, monkeypatch):
        yield made


def settings() -> Settings:
    """Of jobs."""
    return Settings(database_secrets="secretsmanager://orders-dev")


async def test_what_is_written_is_read(service: SecretsManager) -> None:
    store = open_secret_store(settings())
    assert await store.read(Secret.APP) is None
    await store.write(Secret.APP, LOGIN)
    assert await store.read(Secret.APP) == LOGIN
    assert json.loads(service.values["orders-dev/database-app"] or "") == {
        "username": "somebody",
        "password": "of a test",
    }
    await store.close()


async def test_a_secret_that_terraform_has_not_made_cannot_be_written(
    service: SecretsManager,
) -> None:
    store = open_secret_store(settings())
    with pytest.raises(JobError, match="orders-dev/database-backup"):
        await store.write(Secret.BACKUP, LOGIN)
    assert list(service.values) == ["orders-dev/database-app"]


async def test_no_access_is_not_taken_for_no_value(service: SecretsManager) -> None:
    service.refuses = "AccessDeniedException"
    with pytest.raises(JobError, match="AccessDeniedException"):
        await open_secret_store(settings()).read(Secret.APP)


async def test_something_else_in_it_is_not_quoted(service: SecretsManager) -> None:
    service.values["orders-dev/database-app"] = '{"password": "hunter2"'
    with pytest.raises(JobError, match="no login") as failure:
        await open_secret_store(settings()).read(Secret.APP)
    assert "hunter2" not in str(failure.value)


def test_other_places_are_refused() -> None:
    with pytest.raises(JobError, match="no secret store: 'vault://x'"):
        open_secret_store(Settings(database_secrets="vault://x"))


def test_identity() -> None:
    assert identity_login("app", settings()) == ['GRANT rds_iam TO "app"']
