"""Processes that start while servers are away: what they do not know they do not tell."""

import asyncio

from httpx import AsyncClient

from tests.databases import Failover
from tests.notes import TABLE, eventually, serving, write


async def until_ready(client: AsyncClient, status: int) -> None:
    """Wait until readiness answers with this status."""

    async def answers() -> bool:
        return (await client.get("/readyz")).status_code == status

    await eventually(answers)


async def test_started_without_a_database(failover: Failover) -> None:
    """No traffic until there was one: its settings may be wrong. Then it needs no restart."""
    failover.database.query(TABLE)
    await asyncio.to_thread(failover.primary.kill)
    async with serving(**failover.database.settings) as client:
        await until_ready(client, 503)
        assert (await client.post("/notes/lost")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        await asyncio.to_thread(failover.primary.start)
        await until_ready(client, 200)
        await write(client, "after")


async def test_started_while_the_primary_is_away(failover: Failover) -> None:
    """A standby that may have been left behind long ago is no source for a new process."""
    standby = failover.standby
    failover.database.query(TABLE)
    standby.catch_up_with(failover.primary)
    await asyncio.to_thread(failover.primary.kill)
    settings = failover.database.settings | {
        "database_replica_hosts": f"{standby.host}:{standby.port}"
    }
    async with serving(**settings) as client:
        assert (await client.get("/notes/1")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        await asyncio.to_thread(failover.primary.start)
        await until_ready(client, 200)
        await write(client, "after")
