"""Sessions from beginning to end: logins, silence, and commits of which nobody hears."""

import asyncio
import json
from time import perf_counter

import asyncpg
import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgers.database import (
    OutcomeUnknown,
    Unavailable,
    connect,
    pool,
    transaction,
    watch,
)
from ledgers.database import database as whole
from ledgers.database.credentials import (
    Credentials,
    FileCredentials,
)
from ledgers.database.servers import Server
from ledgers.settings import Settings
from local.database import PACKAGE
from local.postgresql import Postgresql
from tests.databases import ScratchDatabase
from tests.endpoint import open_endpoint
from tests.notes import TABLE, database_of, eventually, notes, serving, write
from tests.observing import sample

INSERT = text("INSERT INTO notes (body) VALUES ('note')")


async def test_sessions_that_nobody_uses_leave_an_old_login_too(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the pool and the watch, or the login could not be given a new password."""
    for module in (pool, watch):
        monkeypatch.setattr(module, "SESSION_SECONDS", 0.5)
    monkeypatch.setattr(whole, "RENEW_SECONDS", 0.2)
    user = f"{database.name}_next"
    database.query(f"CREATE ROLE {user} LOGIN PASSWORD 'next' IN ROLE {PACKAGE}_app")
    database.query(f"CREATE ROLE {user}_stranger LOGIN PASSWORD 'next'")
    database.query(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
    database.query(f"GRANT CONNECT ON DATABASE {database.name} TO {PACKAGE}_app")
    used = (
        "SELECT DISTINCT usename FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    before = database.credentials.read_text()
    try:
        async with notes(database) as client:
            await asyncio.gather(*(client.get("/count") for _ in range(10)))
            assert database.query(used) == json.loads(before)["username"]
            # A fault on the way, such as a login that may not enter, does not end the endeavour.
            for name in (f"{user}_stranger", user):
                login = {"username": name, "password": "next"}
                database.credentials.write_text(json.dumps(login))
                await asyncio.sleep(1)

            async def followed() -> bool:
                return database.query(used) == user

            await eventually(followed)
            assert sample("database_pool_connections", target="primary", state="idle") > 1
    finally:
        database.credentials.write_text(before)
        database.query(f"DROP OWNED BY {user}; DROP ROLE {user}, {user}_stranger")


async def test_a_login_that_does_not_come(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hands them out hangs: 503 soon, and connections that are there go on."""
    monkeypatch.setattr(watch, "SESSION_SECONDS", 0.2)
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 0.3)
    async with notes(database, database_pool_size=2) as client:
        await write(client, "before")

        async def never(_: FileCredentials, __: Server) -> Credentials:
            return await asyncio.Future()

        monkeypatch.setattr(FileCredentials, "current", never)
        monkeypatch.setattr(connect, "CONNECT_SECONDS", 0.6)
        busy = asyncio.create_task(client.get("/sleep/1.5"))
        await asyncio.sleep(0.1)
        began = perf_counter()
        assert (await client.get("/count")).status_code == 503
        assert perf_counter() - began < 2
        assert sample("database_unavailable_total", reason="credentials") >= 1
        assert (await busy).status_code == 200
        # The watch wants another login as well, and keeps its session until it has one.
        pid = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/watch' AND datname ="
        session = database.query(f"{pid} '{database.name}'")
        assert session
        await asyncio.sleep(2)
        assert database.query(f"{pid} '{database.name}'") == session
        assert (await client.get("/count")).json() == 1


async def test_a_replica_that_falls_silent(database: ScratchDatabase, standby: Postgresql) -> None:
    """Somebody has to wait to find it out. Nobody goes without an answer: the primary is well."""
    async with open_endpoint(standby.host, standby.port) as name:
        settings = {
            "database_replica_hosts": f"127.0.0.1:{name.port}",
            "database_statement_timeout_seconds": 1,
            "database_pool_size": 2,
            "database_pool_wait_seconds": 0.3,
        }
        async with notes(database, **settings) as client:
            await write(client, "before")

            async def used() -> bool:
                return sample("database_replica_usable", replica="replica-1") == 1

            await eventually(used)
            await asyncio.gather(*(client.get("/notes/1") for _ in range(4)))
            name.fall_silent()
            answers = []
            while sample("database_replica_usable", replica="replica-1") == 1:
                answers += await asyncio.gather(*(client.get("/notes/1") for _ in range(4)))
            assert {answer.status_code for answer in answers} == {200}


async def test_a_replica_that_refuses_us(
    database: ScratchDatabase, standby: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not heard of our login yet, say. That is no reason to serve nobody."""
    genuine = connect.connect

    async def refused(
        settings: Settings,
        credentials: FileCredentials,
        server: Server,
        component: str = "api",
        patience: float | None = None,
    ) -> connect.Connection:
        if not server.primary:
            raise asyncpg.InvalidPasswordError
        return await genuine(settings, credentials, server, component, patience)

    for module in (pool, watch):
        monkeypatch.setattr(module, "connect", refused)
    hosts = f"{standby.host}:{standby.port}"
    async with notes(database, database_replica_hosts=hosts) as client:
        await write(client, "hello")
        assert (await client.get("/notes/1")).json() == "hello"
        assert (await client.get("/readyz")).status_code == 200


async def test_who_does_not_know_what_he_wrote_is_told_by_the_primary(
    database: ScratchDatabase, standby: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He was told to look, has no token, and would do it twice if he did not find it."""

    async def commit(session: AsyncSession) -> None:
        await session.commit()
        raise OutcomeUnknown

    database.query(TABLE)
    standby.catch_up_with(database.server)
    hosts = f"{standby.host}:{standby.port}"
    async with serving(**database.settings, database_replica_hosts=hosts) as client:
        await asyncio.sleep(1.1)
        standby.pause_replay()
        monkeypatch.setattr(transaction, "_commit", commit)
        mine, others = {"authorization": "Bearer mine"}, {"authorization": "Bearer other"}
        assert (await client.post("/notes/note", headers=mine)).status_code == 503
        assert (await client.get("/count", headers=mine)).json() == 1
        assert (await client.get("/count", headers=others)).json() == 0


async def test_a_session_that_ends_before_its_commit(database: ScratchDatabase) -> None:
    """Nothing was done, and nobody is told that it may be."""

    async def work(client: AsyncClient) -> None:
        async with database_of(client).write("note") as tx:
            await tx.session.execute(INSERT)
            pid = await tx.session.scalar(text("SELECT pg_backend_pid()"))
            database.query(f"SELECT pg_terminate_backend({pid})")
            await asyncio.sleep(0.1)

    async with notes(database) as client:
        with pytest.raises(Unavailable) as refused:
            await work(client)
        assert refused.value.reason == "connection"
        assert (await client.get("/count")).json() == 0
