"""Where reads go, and what they see."""

import asyncio
from typing import Any

import pytest

from accounts.database import PRIMARY_ONLY, pool
from accounts.database.http import CONSISTENCY_TOKEN
from accounts.database.position import parse_token
from local.postgresql import Postgresql
from tests.databases import ScratchDatabase
from tests.notes import GET, TABLE, database_of, eventually, notes, serving, write
from tests.observing import sample


def replica(standby: Postgresql) -> dict[str, Any]:
    """The settings that name a replica."""
    return {"database_replica_hosts": f"{standby.host}:{standby.port}"}


def reads(target: str, reason: str) -> float:
    """How many reads went there for this reason."""
    return sample("database_reads_total", target=target, reason=reason)


async def until(value: float, name: str, **labels: str) -> None:
    """Wait for a metric."""

    async def reached() -> bool:
        return sample(name, **labels) == value

    await eventually(reached)


async def test_reads_go_to_a_replica(database: ScratchDatabase, standby: Postgresql) -> None:
    """And leave the primary to writes."""
    async with notes(database, **replica(standby)) as client:
        number, _ = await write(client, "hello")
        await asyncio.sleep(0.6)  # Until the watch has seen it there.
        before = reads("replica", "fresh")
        assert (await client.get(f"/notes/{number}")).json() == "hello"
        assert (await client.get("/count")).json() == 1
        assert reads("replica", "fresh") == before + 2


async def test_a_client_sees_what_it_wrote(database: ScratchDatabase, standby: Postgresql) -> None:
    """With its token, however far behind the replica is."""
    async with notes(database, **replica(standby)) as client:
        await write(client, "first")
        await asyncio.sleep(0.6)
        standby.pause_replay()
        number, token = await write(client, "second")
        fresh, behind = reads("replica", "fresh"), reads("primary", "behind")
        assert (await client.get(f"/notes/{number}")).json() is None  # Stale, as it asked for.
        headers = {CONSISTENCY_TOKEN: token}
        assert (await client.get(f"/notes/{number}", headers=headers)).json() == "second"
        assert (await client.get("/count", headers=headers)).json() == 2
        assert reads("replica", "fresh") == fresh + 1
        assert reads("primary", "behind") == behind + 2

        standby.resume_replay()
        standby.catch_up_with(database.server)
        await asyncio.sleep(1)
        assert (await client.get(f"/notes/{number}", headers=headers)).json() == "second"
        assert reads("replica", "fresh") == fresh + 2


async def test_a_caller_without_a_token_is_known_for_a_while(
    database: ScratchDatabase, standby: Postgresql
) -> None:
    """By its Authorization header; others read what the replica has."""
    async with notes(database, **replica(standby)) as client:
        await write(client, "first")
        await asyncio.sleep(0.6)
        standby.pause_replay()
        mine = {"authorization": "Bearer mine"}
        number = (await client.post("/notes/second", headers=mine)).json()
        assert (await client.get(f"/notes/{number}", headers=mine)).json() == "second"
        others = {"authorization": "Bearer another"}
        assert (await client.get(f"/notes/{number}", headers=others)).json() is None


async def test_a_replica_that_lags_is_not_read_from(
    database: ScratchDatabase, standby: Postgresql
) -> None:
    """Until it has caught up."""
    async with notes(database, **replica(standby), database_max_replica_lag_seconds=1) as client:
        await write(client, "first")
        await until(1, "database_replica_usable", replica="replica-1")
        standby.pause_replay()
        number, _ = await write(client, "second")
        await until(0, "database_replica_usable", replica="replica-1")
        assert sample("database_replica_lag_seconds", replica="replica-1") >= 1
        before = reads("primary", "unusable")
        assert (await client.get(f"/notes/{number}")).json() == "second"
        assert reads("primary", "unusable") == before + 1
        standby.resume_replay()
        await until(1, "database_replica_usable", replica="replica-1")
        assert sample("database_replica_lag_seconds", replica="replica-1") == 0


async def test_a_replica_of_which_nobody_knows_how_late_it_is(
    database: ScratchDatabase, standby: Postgresql
) -> None:
    """A process that has just started does not read there, until it has what the primary had."""
    database.query(TABLE)
    standby.catch_up_with(database.server)
    standby.pause_replay()
    database.query("INSERT INTO notes (body) VALUES ('news')")
    async with serving(**database.settings | replica(standby)) as client:
        for _ in range(8):
            assert (await client.get("/notes/1")).json() == "news"
            await asyncio.sleep(0.2)
        assert sample("database_replica_usable", replica="replica-1") == 0
        standby.resume_replay()
        await until(1, "database_replica_usable", replica="replica-1")
        before = reads("replica", "fresh")
        assert (await client.get("/notes/1")).json() == "news"
        assert reads("replica", "fresh") == before + 1


async def test_what_is_read_says_which_writes_it_shows(
    database: ScratchDatabase, standby: Postgresql
) -> None:
    """Those before its date. On the primary the newest one may lie at the date itself."""
    async with notes(database, **replica(standby)) as client:
        number, token = await write(client, "first")
        await asyncio.sleep(1.2)  # Both watches have seen it.
        service = database_of(client)
        row, date = await service.fetchrow_dated(GET, number)
        assert row is not None
        assert date > parse_token(token)
        row, date = await service.fetchrow_dated(GET, number, after=PRIMARY_ONLY)
        assert row is not None
        assert date >= parse_token(token)

        standby.pause_replay()
        number, token = await write(client, "second")
        row, date = await service.fetchrow_dated(GET, number)
        assert row is None
        assert date <= parse_token(token)
        row, _ = await service.fetchrow_dated(GET, number, after=parse_token(token))
        assert row is not None


async def test_replicas_take_turns(database: ScratchDatabase, standby: Postgresql) -> None:
    """Twice the same here; connections tell them apart."""
    both = f"{standby.host}:{standby.port},{standby.host}:{standby.port}"
    async with notes(database, database_replica_hosts=both) as client:
        await write(client, "hello")
        await asyncio.sleep(0.6)
        for _ in range(4):
            await client.get("/notes/1")
        for name in ("replica-1", "replica-2"):
            assert sample("database_pool_connections", target=name, state="idle") == 1


async def test_a_replica_that_has_stepped_back(
    database: ScratchDatabase, standby: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new connection finds it behind what the watch saw, and the primary answers."""
    async with notes(database, **replica(standby)) as client:
        number, _ = await write(client, "hello")
        await until(1, "database_replica_usable", replica="replica-1")
        monkeypatch.setattr(pool, "REPLAYED", "SELECT 1::bigint")
        before = reads("primary", "retry")
        assert (await client.get(f"/notes/{number}")).json() == "hello"
        assert reads("primary", "retry") == before + 1


async def test_a_replica_that_is_gone(database: ScratchDatabase, free_port: int) -> None:
    """The primary answers in its place."""
    hosts = f"127.0.0.1:{free_port}"
    async with notes(database, database_replica_hosts=hosts) as client:
        number, _ = await write(client, "hello")
        assert (await client.get(f"/notes/{number}")).json() == "hello"
        assert (await client.get("/readyz")).status_code == 200


async def test_a_server_that_follows_nobody_is_no_replica(database: ScratchDatabase) -> None:
    """Nobody knows what it has."""
    server = database.server
    async with notes(database, database_replica_hosts=f"{server.host}:{server.port}") as client:
        before = reads("primary", "unusable")
        await client.get("/notes/1")
        assert reads("primary", "unusable") == before + 1


async def test_reads_of_the_primary_alone(database: ScratchDatabase, standby: Postgresql) -> None:
    """For those who ask for it."""
    async with notes(database, **replica(standby)) as client:
        before = reads("primary", "asked")
        await database_of(client).fetch(GET, 1, after=PRIMARY_ONLY)
        assert reads("primary", "asked") == before + 1


@pytest.mark.parametrize("token", ["x", "-1", "0x1", "1" * 17, " 1", "A"])
async def test_a_token_that_is_not_ours(database: ScratchDatabase, token: str) -> None:
    """400, and nothing about the database."""
    async with notes(database) as client:
        answer = await client.get("/notes/1", headers={CONSISTENCY_TOKEN: token})
        assert answer.status_code == 400
        assert answer.json()["detail"] == "The Consistency-Token is not valid."
