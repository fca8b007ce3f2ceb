"""What a session must find when it begins: limits of time, and nobody in between."""

import json
from collections.abc import Callable

import asyncpg
import pytest

from tests.databases import ScratchDatabase
from tests.notes import notes, serving
from tests.observing import Lines, sample

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def differing() -> list[str]:
    """The limits of which the service says that the role has other ones."""
    name, target = "database_limit_differs", "primary"
    return [limit for limit in LIMITS if sample(name, target=target, limit=limit) == 1]


async def test_the_role_has_the_limits_of_the_settings(database: ScratchDatabase) -> None:
    """`database-roles` gave them to it."""
    async with notes(database):
        assert differing() == []


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_limit_that_is_missing(
    database: ScratchDatabase, start: Callable[[], Lines], limit: str
) -> None:
    """It is told, and the service works."""
    lines = start()
    user = json.loads(database.credentials.read_text())["username"]
    database.query(f"ALTER ROLE {user} IN DATABASE {database.name} SET {limit} = 0")
    async with notes(database) as client:
        assert (await client.get("/count")).status_code == 200
        assert differing() == [limit]
    (entry,) = lines.read("accounts.database.limits")
    assert (entry["target"], entry["limit"], entry["ms"]) == ("primary", limit, 0)


async def test_a_pooler_that_the_settings_do_not_know(
    database: ScratchDatabase, start: Callable[[], Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names its sessions by itself. Nobody is answered through it, and the log says why."""
    lines = start()
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
    async with notes(database) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/count")).status_code == 503
    (entry,) = lines.read("accounts.database.watch")
    assert entry["reason"] == "pooler"
    assert "APP_DATABASE_POOLER is false" in str(entry["stack"])
    async with serving(**database.settings, database_pooler=True) as client:
        assert (await client.get("/count")).status_code == 200
