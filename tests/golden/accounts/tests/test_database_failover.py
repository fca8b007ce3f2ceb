"""Servers that die, hang, come back and change their roles, with clients at work all the time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import isnan

from httpx import AsyncClient, Response

from accounts.database.http import CONSISTENCY_TOKEN
from tests.databases import Failover
from tests.endpoint import open_endpoint
from tests.notes import TABLE, eventually, serving, write
from tests.observing import sample

PROBLEM = "application/problem+json"


@dataclass
class Crowd:
    """Clients that write notes and read them back with their tokens; it keeps account."""

    client: AsyncClient
    written: dict[int, tuple[str, str]] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def work(self, name: int) -> None:
        """Until cancelled: write, and look whether it is there."""
        for turn in range(1_000_000):
            body = f"{name}-{turn}"
            answer = self._note(await self.client.post(f"/notes/{body}"))
            if answer.status_code == 201:
                self.written[answer.json()] = body, answer.headers.get(CONSISTENCY_TOKEN, "")
                await self.look(answer.json())
            await asyncio.sleep(0.01)

    async def look(self, number: int) -> None:
        """What was acknowledged must be there, or the answer is that nobody knows now."""
        body, token = self.written[number]
        headers = {CONSISTENCY_TOKEN: token} if token else {}
        answer = self._note(await self.client.get(f"/notes/{number}", headers=headers))
        if answer.status_code == 200 and token and answer.json() != body:
            self.wrong.append(f"{number}: {answer.json()!r} instead of {body!r}")

    def _note(self, answer: Response) -> Response:
        self.statuses.append(answer.status_code)
        if answer.status_code == 503:
            assert 1 <= int(answer.headers["retry-after"]) <= 10
            assert answer.headers["content-type"] == PROBLEM
        return answer


@asynccontextmanager
async def at_work(client: AsyncClient, clients: int = 4) -> AsyncIterator[Crowd]:
    """A crowd that works during the block."""
    crowd = Crowd(client)
    tasks = [asyncio.create_task(crowd.work(number)) for number in range(clients)]
    try:
        yield crowd
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended


async def until_it_writes(client: AsyncClient) -> None:
    """Wait until writes succeed again."""

    async def writes() -> bool:
        return (await client.post("/notes/again")).status_code == 201

    await eventually(writes)


async def test_primary_killed_and_standby_promoted(failover: Failover) -> None:
    """Reads go on, writes are refused until they recover, and nothing acknowledged is lost."""
    primary, standby = failover.primary, failover.standby
    # As Multi-AZ and zone redundancy have it: a commit is acknowledged when the standby has it too.
    primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.query("SELECT pg_reload_conf()")
    failover.database.query(TABLE)
    settings = failover.database.settings | {
        "database_replica_hosts": f"{standby.host}:{standby.port}"
    }
    async with (
        open_endpoint(primary.host, primary.port) as name,
        serving(**settings | {"database_port": name.port}) as client,
    ):
        number, _ = await write(client, "before")
        standby.catch_up_with(primary)
        async with at_work(client) as crowd:
            await asyncio.sleep(1)
            await asyncio.to_thread(primary.kill)
            name.cut()
            # Longer than it takes to notice: the state in between must hold.
            for _ in range(10):
                answer = await client.get(f"/notes/{number}")
                assert (answer.status_code, answer.json()) == (200, "before")
                assert (await client.get("/readyz")).status_code == 200
                assert (await client.post("/notes/now")).status_code == 503
                await asyncio.sleep(0.2)
            standby.query("ALTER SYSTEM SET synchronous_standby_names = ''")
            await asyncio.to_thread(standby.promote)
            name.lead_to(standby.host, standby.port)
            await until_it_writes(client)
            await asyncio.sleep(1)
        assert crowd.written
        for number in crowd.written:
            await crowd.look(number)
        assert crowd.wrong == []
        assert set(crowd.statuses) <= {200, 201, 503}
        assert 503 in crowd.statuses
        kept = set(standby.query("SELECT body FROM notes", failover.database.name).split())
        assert {body for body, _ in crowd.written.values()} <= kept


async def test_name_leads_to_a_standby_for_a_while(failover: Failover) -> None:
    """Writes are refused with 503, whether a connection was there before or not."""
    primary, standby = failover.primary, failover.standby
    failover.database.query(TABLE)
    async with (
        open_endpoint(primary.host, primary.port) as name,
        serving(**failover.database.settings | {"database_port": name.port}) as client,
    ):
        await write(client, "before")
        name.lead_to(standby.host, standby.port)
        name.cut()
        for _ in range(5):
            assert (await client.post("/notes/refused")).status_code == 503
            # Not even a read, for nobody knows how old the answer would be.
            assert (await client.get("/notes/1")).status_code == 503
        await asyncio.to_thread(standby.promote)
        await until_it_writes(client)
        assert (await client.get("/notes/1")).json() == "before"


async def test_primary_that_hangs(failover: Failover) -> None:
    """It neither answers nor refuses. It is noticed, and then nobody waits for it any more."""
    primary, standby = failover.primary, failover.standby
    failover.database.query(TABLE)
    settings = failover.database.settings | {
        "database_replica_hosts": f"{standby.host}:{standby.port}",
        "database_statement_timeout_seconds": 2,
    }
    async with (
        open_endpoint(primary.host, primary.port) as name,
        serving(**settings | {"database_port": name.port}) as client,
    ):
        number, _ = await write(client, "before")
        standby.catch_up_with(primary)
        await asyncio.sleep(0.6)
        name.fall_silent()
        refused = await asyncio.gather(*(client.post("/notes/lost") for _ in range(20)))
        assert {answer.status_code for answer in refused} == {503}
        assert (await client.get(f"/notes/{number}")).json() == "before"
        await noticed(lambda: sample("database_unavailable_total", reason="connection"), client)
        name.speak()
        await until_it_writes(client)


async def noticed(count: Callable[[], float], client: AsyncClient) -> None:
    """Wait until writes are refused without asking the server, which takes no time."""
    before = count()
    async with asyncio.timeout(15):
        while count() == before:
            await client.post("/notes/lost")
    began = asyncio.get_running_loop().time()
    assert (await client.post("/notes/lost")).status_code == 503
    assert asyncio.get_running_loop().time() - began < 0.1


async def test_a_commit_that_breaks_off(failover: Failover) -> None:
    """It waits for a standby that is away; then the primary is, too, and nobody knows more."""
    primary, standby = failover.primary, failover.standby
    failover.database.query(TABLE)
    async with serving(**failover.database.settings) as client:
        await write(client, "before")
        primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.query("SELECT pg_reload_conf()")
        await asyncio.to_thread(standby.stop)
        waiting = asyncio.create_task(client.post("/notes/perhaps"))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(primary.kill)
        answer = await waiting
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:problem:outcome-unknown"
        assert "may be done" in answer.json()["detail"]


async def test_replica_killed(failover: Failover) -> None:
    """Clients do not notice: the primary answers at once."""
    primary, standby = failover.primary, failover.standby
    failover.database.query(TABLE)
    settings = failover.database.settings | {
        "database_replica_hosts": f"{standby.host}:{standby.port}"
    }
    async with serving(**settings) as client:
        await write(client, "before")
        standby.catch_up_with(primary)
        async with at_work(client) as crowd:
            await asyncio.sleep(1)
            assert sample("database_replica_lag_seconds", replica="replica-1") >= 0
            await asyncio.to_thread(standby.kill)
            await asyncio.sleep(1)
            # Not the last one that was known: an alert on it would go on, or never come.
            assert isnan(sample("database_replica_lag_seconds", replica="replica-1"))
            assert sample("database_replica_usable", replica="replica-1") == 0
            await asyncio.to_thread(standby.start)
            await asyncio.sleep(1)
        assert set(crowd.statuses) <= {200, 201}
        assert crowd.wrong == []


async def test_everything_gone_and_back(failover: Failover) -> None:
    """The service stays where clients reach it and tells them; no restart of it is needed."""
    failover.database.query(TABLE)
    async with serving(**failover.database.settings) as client:
        await write(client, "before")
        await asyncio.to_thread(failover.primary.kill)
        await noticed(lambda: sample("database_unavailable_total", reason="connection"), client)
        answer = await client.get("/notes/1")
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        # Longer than an answer of readiness is remembered.
        await asyncio.sleep(1.1)
        for path in ("/readyz", "/livez"):
            assert (await client.get(path)).status_code == 200
        await asyncio.to_thread(failover.primary.start)
        await until_it_writes(client)
        assert (await client.get("/notes/1")).json() == "before"
