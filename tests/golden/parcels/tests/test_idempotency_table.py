"""The table of idempotency keys, wrongly named or away; `make test-broker` checks the rest."""

import asyncio
import time

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables.aio import TableClient

from parcels.idempotency_keys import open_idempotency_store
from parcels.idempotency_sweep import Sweeper
from parcels.idempotency_table import (
    TableIdempotencyStore,
)
from parcels.queue import BrokerUnavailable
from parcels.settings import (
    Settings,
    SettingsError,
    load_settings,
)

# Nothing listens on port 1, and the key opens nothing.
NOWHERE = "AccountName=local;AccountKey=AAAA;TableEndpoint=http://127.0.0.1:1/local"
WITHIN = 15.0
"""Seconds: with the waits of three retries, which take 5, on a busy machine."""


async def test_a_table_that_is_away_is_an_unavailable_broker() -> None:
    store = open_idempotency_store(Settings(idempotency_connection_string=NOWHERE))
    assert isinstance(store, TableIdempotencyStore)
    began = time.monotonic()
    said = await asyncio.gather(
        store.claim("key", "a", 60),
        store.finish("key", "a"),
        store.release("key", "a"),
        return_exceptions=True,
    )
    assert [type(error) for error in said] == [BrokerUnavailable] * 3, said
    assert time.monotonic() - began < WITHIN
    await store.close()


@pytest.mark.parametrize(
    "error", [ServiceRequestError("away"), ConnectionResetError(), BrokerUnavailable("no host")]
)
async def test_a_sweep_that_fails_ends_quietly(error: Exception) -> None:
    def away() -> TableClient:
        raise error

    sweeper = Sweeper(away, claims_per_sweep=1)
    sweeper.claimed()
    assert sweeper._sweeping is not None
    await sweeper._sweeping
    await sweeper.close()


async def test_one_without_a_host_is_unavailable_too() -> None:
    store = TableIdempotencyStore("idempotency", keep_seconds=60)
    with pytest.raises(BrokerUnavailable, match="not the URL of a table"):
        await store.claim("key", "a", 60)
    await store.close()


def test_keys_of_accounts_stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_IDEMPOTENCY_CONNECTION_STRING", NOWHERE)
    assert load_settings().idempotency_connection_string == NOWHERE
    monkeypatch.setenv("APP_ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="for an emulator") as said:
        load_settings()
    assert "AAAA" not in str(said.value)
