"""What Table storage does not do by itself: rows that expired are swept away, and no others."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from parcels.idempotency_table import (
    TABLE,
    TableIdempotencyStore,
)

from .conftest import SETTINGS
from .messages import PATIENCE

LONG = 60.0
PARTITIONS = 256
CONNECTION_STRING = SETTINGS.idempotency_connection_string


@pytest.fixture
async def rows() -> AsyncIterator[TableClient]:
    """The table as it is."""
    async with TableClient.from_connection_string(CONNECTION_STRING, TABLE) as client:
        yield client


@pytest.fixture
async def eager() -> AsyncIterator[TableIdempotencyStore]:
    """A store that sweeps one partition after every claim."""
    store = TableIdempotencyStore(
        "", keep_seconds=LONG, connection_string=CONNECTION_STRING, claims_per_sweep=1
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
        assert time.monotonic() < deadline, "every partition has its turn"
        for _ in range(PARTITIONS):
            await eager.claim(f"{alive}/0", alive, LONG)
            await asyncio.sleep(0)
    assert await owned(rows, alive) == 40
    assert await eager.claim(f"{dead}/0", alive, LONG) == "new"
    assert await eager.claim(f"{alive}/1", dead, LONG) == "busy"
    assert await eager.claim(f"{alive}/done/1", dead, LONG) == "done"
