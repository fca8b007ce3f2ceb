"""What becomes of connections: none left, slow statements, cancelled requests, lost sessions."""

import asyncio
import json
import traceback
from collections.abc import Callable
from time import perf_counter

import pytest
from httpx import AsyncClient
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError, StatementError

from ledgers.database import Statement, Unavailable, pool
from tests.databases import ScratchDatabase
from tests.endpoint import open_endpoint
from tests.notes import COUNT, SLEEP, database_of, notes, write
from tests.observing import Lines, sample

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/api' AND datname ="


def sessions(database: ScratchDatabase) -> int:
    """Connections of the pool, as the server counts them."""
    return int(database.query(f"{SESSIONS} '{database.name}'"))


async def execute(client: AsyncClient, *statements: tuple[TextClause, dict[str, object]]) -> None:
    """A transaction of several statements."""
    async with database_of(client).write("several") as tx:
        for statement, parameters in statements:
            await tx.session.execute(statement, parameters)


async def test_exhausted_pool(database: ScratchDatabase) -> None:
    """503 within the wait, and as good as new when connections are free again."""
    async with notes(database, database_pool_size=2, database_pool_wait_seconds=0.2) as client:
        await write(client, "before")
        before = sample("database_unavailable_total", reason="pool_exhausted")
        slow = [asyncio.create_task(client.get("/sleep/1.5")) for _ in range(2)]
        await asyncio.sleep(0.2)
        began = perf_counter()
        refused = await asyncio.gather(*(client.post("/notes/refused") for _ in range(20)))
        assert perf_counter() - began < 1
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.headers["retry-after"] for answer in refused} <= {"1", "2"}
        assert sample("database_unavailable_total", reason="pool_exhausted") == before + 20
        assert (await client.get("/readyz")).status_code == 200
        assert sessions(database) == 2
        assert {answer.status_code for answer in await asyncio.gather(*slow)} == {200}
        await asyncio.gather(write(client, "after"), write(client, "after"))


async def test_cancelled_requests_give_their_connections_back(database: ScratchDatabase) -> None:
    """And none carries an answer over to the next request."""
    async with notes(database, database_pool_size=1) as client:
        for _ in range(5):
            slow = asyncio.create_task(client.get("/sleep/30"))
            await asyncio.sleep(0.1)
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            assert (await client.get("/count")).json() == 0
        # The server was told to stop as well: nothing sleeps there on behalf of nobody.
        assert database.query(f"{SESSIONS} '{database.name}' AND state = 'active'") == "0"


async def test_slow_statements(database: ScratchDatabase, start: Callable[[], Lines]) -> None:
    """Logged by name, without what was asked; what the server ended is answered with 503."""
    lines = start()
    settings = {"database_slow_statement_seconds": 0.1, "database_statement_timeout_seconds": 1}
    async with notes(database, **settings) as client:
        assert (await client.get("/sleep/0.2")).status_code == 200
        limit, sleep = text("SET LOCAL statement_timeout = 200"), text("SELECT pg_sleep(:seconds)")
        with pytest.raises(Unavailable) as refused:
            await execute(client, (limit, {}), (sleep, {"seconds": 60.25}))
        assert refused.value.reason == "timeout"
        assert (await client.get("/sleep/60")).status_code == 503
        assert (await client.get("/count")).json() == 0
    slow = lines.read("ledgers.database.statements")
    assert [entry["statement"] for entry in slow] == ["sleep", "several", "sleep"]
    assert "60.25" not in json.dumps(slow)


async def test_sessions_that_end(database: ScratchDatabase) -> None:
    """A server that is restarted ends all of them: at most one answer of 503, never a 500."""
    async with notes(database) as client:
        await write(client, "before")
        await asyncio.gather(*(client.get("/count") for _ in range(20)))
        end = SESSIONS.replace("count(*)", "pg_terminate_backend(pid)")
        database.query(f"{end} '{database.name}'")
        await asyncio.sleep(0.1)
        assert (await client.get("/count")).json() == 1
        await write(client, "after")


async def test_one_session_that_ends(database: ScratchDatabase) -> None:
    """Its reader is told; the other sessions are not thrown away for it."""
    pids = SESSIONS.replace("count(*)", "pid") + f" '{database.name}'"
    async with notes(database, database_pool_size=3) as client:
        await asyncio.gather(*(client.get("/sleep/0.3") for _ in range(3)))
        before = set(database.query(pids).split())
        assert len(before) == 3
        reading = asyncio.create_task(client.get("/sleep/30"))
        await asyncio.sleep(0.2)
        active = database.query(f"{pids} AND state = 'active'")
        database.query(f"SELECT pg_terminate_backend({active})")
        assert (await reading).status_code == 503
        await asyncio.gather(*(client.get("/sleep/0.3") for _ in range(3)))
        after = set(database.query(pids).split())
        assert before - after == {active}
        assert len(after) == 3


async def test_connections_that_were_idle_are_tested(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that works is used again; one that is dead without a word is replaced."""
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(pool, "TEST_SECONDS", 0.2)
    pids = SESSIONS.replace("count(*)", "pid") + f" '{database.name}'"
    async with (
        open_endpoint(database.server.host, database.server.port) as name,
        notes(database, database_port=name.port, database_pool_size=1) as client,
    ):
        await write(client, "before")
        session = database.query(pids)
        assert (await client.get("/count")).json() == 1
        assert database.query(pids) == session
        name.fall_silent()
        waiting = asyncio.create_task(client.get("/count"))
        await asyncio.sleep(0.5)
        name.speak()
        assert (await waiting).json() == 1
        assert session not in database.query(pids).split()


async def test_a_transaction_is_all_or_nothing(database: ScratchDatabase) -> None:
    """Whatever error leaves the block; and the errors that are ours stay what they are."""
    async with notes(database, database_pool_size=1) as client:
        insert = text("INSERT INTO notes (body) VALUES (:body)")
        with pytest.raises(IntegrityError):
            await execute(client, (insert, {"body": "lost"}), (insert, {"body": None}))
        with pytest.raises(StatementError):
            await execute(client, (insert, {"body": "lost"}), (insert, {}))
        assert (await client.get("/count")).json() == 0


async def test_errors_quote_no_rows(database: ScratchDatabase) -> None:
    """Nobody handles this one, so all of it is logged."""
    async with notes(database) as client:
        database.query("CREATE UNIQUE INDEX ON notes (body)")
        insert, body = text("INSERT INTO notes (body) VALUES (:body)"), "somebody@example.com"
        await write(client, body)
        with pytest.raises(IntegrityError) as refused:
            await execute(client, (insert, {"body": body}))
    told = "".join(traceback.format_exception(refused.value))
    assert "duplicate key value violates unique constraint" in told
    assert "INSERT INTO notes" in told
    assert body not in told


async def test_deadlock(database: ScratchDatabase) -> None:
    """One of the two goes through, the other may try again."""
    async with notes(database) as client:
        database.query("GRANT UPDATE ON notes TO PUBLIC")
        await write(client, "one")
        await write(client, "two")
        both = asyncio.Barrier(2)

        async def change(first: int, second: int) -> str:
            lock = text("UPDATE notes SET body = body WHERE id = :id")
            try:
                async with database_of(client).write("change") as tx:
                    await tx.session.execute(lock, {"id": first})
                    await both.wait()
                    await tx.session.execute(lock, {"id": second})
            except Unavailable as error:
                return error.reason
            return "done"

        assert sorted(await asyncio.gather(change(1, 2), change(2, 1))) == ["contention", "done"]


async def test_tables_may_change_under_prepared_statements(database: ScratchDatabase) -> None:
    """A migration beside a running service."""
    everything = Statement("everything", "SELECT * FROM notes")
    async with notes(database) as client:
        await write(client, "hello")
        await database_of(client).fetch(everything)
        database.query("ALTER TABLE notes ADD COLUMN extra text DEFAULT 'new'")
        (row,) = await database_of(client).fetch(everything)
        assert row["extra"] == "new"


async def test_metrics(database: ScratchDatabase) -> None:
    """Statements by name, and where the time goes."""
    async with notes(database) as client:
        labels = {"statement": "count notes", "target": "primary"}
        before = sample("database_query_duration_seconds_count", **labels)
        await client.get("/count")
        await database_of(client).fetch(COUNT)
        assert sample("database_query_duration_seconds_count", **labels) == before + 2
        await write(client, "hello")
        for statement in ("write note", "commit"):
            labels = {"statement": statement, "target": "primary"}
            assert sample("database_query_duration_seconds_count", **labels) >= 1
        assert sample("database_pool_wait_seconds_count", target="primary") >= 3
        busy = asyncio.create_task(database_of(client).fetch(SLEEP, 0.3))
        await asyncio.sleep(0.1)
        assert sample("database_pool_connections", target="primary", state="in_use") == 1
        await busy
        assert sample("database_pool_connections", target="primary", state="in_use") == 0


async def test_nothing_is_left_behind(database: ScratchDatabase) -> None:
    """At the end the server knows none of our sessions any more."""
    async with notes(database) as client:
        await asyncio.gather(*(client.get("/count") for _ in range(20)))
        assert sessions(database) == 5
    assert sessions(database) == 0
