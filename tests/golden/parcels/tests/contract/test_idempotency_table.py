"""What Table storage does not do by itself: sweep away what expired, and say who won a race."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from parcels.idempotency_table import (
    TABLE,
    TableIdempotencyStore,
)
from parcels.queue import BrokerUnavailable

from .conftest import SETTINGS
from .messages import PATIENCE

LONG = 60.0
ROWS = 3
"""In a sweep, so that a few of them make a round."""
CONNECTION_STRING = SETTINGS.idempotency_connection_string


@pytest.fixture
async def rows() -> AsyncIterator[TableClient]:
    """The table as it is."""
    async with TableClient.from_connection_string(CONNECTION_STRING, TABLE) as client:
        yield client


@pytest.fixture
async def eager() -> AsyncIterator[TableIdempotencyStore]:
    """A store that sweeps after every claim."""
    store = TableIdempotencyStore(
        "",
        keep_seconds=LONG,
        connection_string=CONNECTION_STRING,
        claims_per_sweep=1,
        rows_per_sweep=ROWS,
    )
    yield store
    await store.close()


async def owned(rows: TableClient, owner: str) -> int:
    """Rows of an owner."""
    found = rows.query_entities("owner eq @owner", parameters={"owner": owner})
    return len([row async for row in found])


async def test_only_what_expired_is_swept(eager: TableIdempotencyStore, rows: TableClient) -> None:
    dead, alive = uuid4().hex, uuid4().hex
    for number in range(20):
        await eager.claim(f"{dead}/{number}", dead, 0.001)
        await eager.claim(f"{alive}/{number}", alive, LONG)
        await eager.finish(f"{alive}/done/{number}", alive)
    deadline = time.monotonic() + PATIENCE
    while await owned(rows, dead):
        assert time.monotonic() < deadline, "every row has its turn"
        await eager.claim(f"{alive}/0", alive, LONG)
    assert await owned(rows, alive) == 40
    assert await eager.claim(f"{dead}/0", alive, LONG) == "new"
    assert await eager.claim(f"{alive}/1", dead, LONG) == "busy"
    assert await eager.claim(f"{alive}/done/1", dead, LONG) == "done"


async def test_a_sweep_looks_at_a_few_rows_however_many_a_partition_holds(
    eager: TableIdempotencyStore, rows: TableClient
) -> None:
    dead = uuid4().hex
    for number in range(4 * ROWS):
        row = {"PartitionKey": "ab", "RowKey": f"ab{dead}{number:02}", "owner": dead}
        await rows.create_entity({**row, "done": True, "expires_at": 1.0})
    deadline, left = time.monotonic() + PATIENCE, 4 * ROWS
    while left:
        assert time.monotonic() < deadline, "the next sweep goes on where the last one ended"
        await eager.claim(dead, "another", LONG)
        assert eager._sweeper._sweeping is not None
        await eager._sweeper._sweeping
        before, left = left, await owned(rows, dead)
        assert before - left <= ROWS


async def test_who_never_wins_a_race_for_a_row_is_told(
    eager: TableIdempotencyStore, rows: TableClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, get = uuid4().hex, eager._get

    async def overtaken(wanted: str) -> object:
        found = await get(wanted)
        await rows.upsert_entity({**found, "expires_at": time.time() + LONG})
        return found

    await eager.claim(key, "a", LONG)
    monkeypatch.setattr(eager, "_get", overtaken)
    with pytest.raises(BrokerUnavailable, match="changed 5 times"):
        await eager.finish(key, "a")
