"""The table of idempotency keys, wrongly named or away; `make test-broker` checks the rest."""

import asyncio
import time

import pytest

from parcels.idempotency_keys import open_idempotency_store
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


async def test_so_is_one_without_a_host() -> None:
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
