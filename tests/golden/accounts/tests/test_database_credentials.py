"""Who the service is to the database, and how that changes while it works."""

import asyncio
import json
from pathlib import Path

import pytest

from accounts.database.credentials import (
    Credentials,
    FileCredentials,
)
from accounts.database.errors import Unavailable
from accounts.database.servers import Server
from local.database import PACKAGE
from tests.databases import ScratchDatabase
from tests.notes import TABLE, serving, write

SERVER = Server("primary", "127.0.0.1", 5432, primary=True)


def login(path: Path, username: str, password: str) -> None:
    """Write the file as the secret store's driver does: a new one in place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"username": username, "password": password}))
    new.replace(path)


async def test_file_is_read_again(tmp_path: Path) -> None:
    """Each time; one that is being written changes nothing."""
    path = tmp_path / "credentials.json"
    login(path, "a", "one")
    source = FileCredentials(path)
    assert await source.current(SERVER) == Credentials("a", "one")
    for half in ('{"username": "b", "pass', "", "[]", '{"username": "b"}'):
        path.write_text(half)
        assert await source.current(SERVER) == Credentials("a", "one")
    path.unlink()
    assert await source.current(SERVER) == Credentials("a", "one")
    login(path, "b", "two")
    assert await source.current(SERVER) == Credentials("b", "two")


@pytest.mark.parametrize(
    "content",
    [None, "", "hunter2", '{"username": 1, "password": "hunter2"}'],
    ids=["missing", "empty", "text", "number"],
)
async def test_no_login(tmp_path: Path, content: str | None) -> None:
    """Says where it looked, and nothing of what it found."""
    path = tmp_path / "credentials.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Unavailable, match=r"credentials\.json") as refused:
        await FileCredentials(path).current(SERVER)
    assert refused.value.reason == "credentials"
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Credentials("a", "hunter2"))


async def test_rotation_under_load(database: ScratchDatabase, tmp_path: Path) -> None:
    """Two logins take turns: the other one gets a new password, then the file names it."""
    users = [f"{database.name}_{letter}" for letter in "ab"]
    for user in users:
        database.query(f"CREATE ROLE {user} LOGIN PASSWORD 'first' IN ROLE {PACKAGE}_app")
    database.query(TABLE)
    path = tmp_path / "credentials.json"
    login(path, users[0], "first")
    settings = database.settings | {"database_credentials_file": str(path)}
    statuses: set[int] = set()

    try:
        async with serving(**settings) as client:

            async def work() -> None:
                while True:
                    statuses.add((await client.post("/notes/one")).status_code)
                    statuses.add((await client.get("/notes/1")).status_code)

            busy = [asyncio.create_task(work()) for _ in range(5)]
            for turn in range(1, 4):
                user = users[turn % 2]
                database.query(f"ALTER ROLE {user} PASSWORD 'turn-{turn}'")
                login(path, user, f"turn-{turn}")
                # Sessions of the old login go on; whoever needs a new one gets the new login.
                end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename ="
                await asyncio.sleep(0.3)
                for task in busy:
                    task.cancel()
                await asyncio.gather(*busy, return_exceptions=True)
                database.query(f"{end} '{users[(turn + 1) % 2]}'")
                await asyncio.sleep(0.1)
                busy = [asyncio.create_task(work()) for _ in range(5)]
                await asyncio.sleep(0.3)
                seen = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE"
                assert database.query(f"{seen} '{database.name}\\_%'") == user
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            await write(client, "after")
        assert statuses == {200, 201}
    finally:
        for user in users:
            database.query(f"DROP OWNED BY {user}; DROP ROLE {user}")


async def test_wrong_password(
    database: ScratchDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """503 and not ready, until the file is right; readiness says why at once."""
    path = tmp_path / "credentials.json"
    login(path, "nobody", "wrong")
    database.query(TABLE)
    right = database.credentials.read_text()
    async with serving(**database.settings | {"database_credentials_file": str(path)}) as client:
        refused = await client.post("/notes/refused")
        assert refused.status_code == 503
        assert "nobody" not in refused.text
        assert (await client.get("/readyz")).status_code == 503
        assert "primary: credentials" in caplog.text
        assert "health check timed out" not in caplog.messages
        path.write_text(right)
        await asyncio.sleep(1.5)
        await write(client, "accepted")
        assert (await client.get("/readyz")).status_code == 200
