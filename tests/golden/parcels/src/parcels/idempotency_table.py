"""Idempotency keys in Azure Table storage: an insert claims a key, a conditional update moves it.

Leases are compared with each worker's own clock. Those of cloud machines differ by milliseconds; a
lease has to be longer than that, and is: it is the lock of a message.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient
from azure.identity.aio import DefaultAzureCredential

from .idempotency_keys import Claimed
from .idempotency_sweep import CLAIMS_PER_SWEEP, ROWS_PER_SWEEP, Sweeper
from .queue import BrokerUnavailable

TABLE = "idempotency"
"""What Terraform calls it, for the one whose URL is not given."""
TIMEOUT = 5
"""Seconds for a connection, and for an answer. A write takes milliseconds; every task waits for one
before it begins. The SDK would wait five minutes for a connection that a firewall swallows."""
RETRIES = 3
"""Of the SDK, within about 5 s when connections are refused; longer waits are the worker's. An
insert whose answer was lost is not repeated, and need not be: the attempt is."""
TRIES = 5
"""For a row that others change at the same time; each try but the last found that they did."""


class TableIdempotencyStore:
    """A table, by its URL: https://ACCOUNT.table.core.windows.net/TABLE.

    Or that of an emulator on this machine, by connection string.
    """

    def __init__(
        self,
        url: str,
        keep_seconds: float,
        connection_string: str = "",
        claims_per_sweep: int = CLAIMS_PER_SWEEP,
        rows_per_sweep: int = ROWS_PER_SWEEP,
    ) -> None:
        self._url = url
        self._keep_seconds = keep_seconds
        self._connection_string = connection_string
        self._table: TableClient | None = None
        self._credential: DefaultAzureCredential | None = None
        self._sweeper = Sweeper(lambda: self._client, claims_per_sweep, rows_per_sweep)

    async def claim(self, key: str, owner: str, lease_seconds: float) -> Claimed:
        """See IdempotencyStore."""
        self._sweeper.claimed()
        for _ in range(TRIES):
            now = time.time()
            lease_until = now + lease_seconds
            row = {**_address(key), "owner": owner, "done": False, "expires_at": lease_until}
            with _store_errors():
                try:
                    await self._client.create_entity(row)
                except ResourceExistsError:
                    found = await self._get(key)
                else:
                    return "new"
            if found is None:
                continue  # It was deleted in between.
            if found["expires_at"] > now and (found["done"] or found["owner"] != owner):
                return "done" if found["done"] else "busy"
            if await self._replace(row, found):
                return "new"
        return "busy"

    async def finish(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        expires_at = time.time() + self._keep_seconds
        row = {**_address(key), "owner": owner, "done": True, "expires_at": expires_at}
        for _ in range(TRIES):
            with _store_errors():
                found = await self._get(key)
                if found is None:
                    try:
                        await self._client.create_entity(row)
                    except ResourceExistsError:
                        continue
                    return
            if found["owner"] != owner or await self._replace(row, found):
                return
        raise BrokerUnavailable(f"Table storage: the row was changed {TRIES} times meanwhile")

    async def release(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        with _store_errors():
            found = await self._get(key)
            if found is not None and found["owner"] == owner and not found["done"]:
                await self._delete(found)

    async def close(self) -> None:
        """See IdempotencyStore."""
        await self._sweeper.close()
        if self._table is not None:
            await self._table.close()
        if self._credential is not None:
            await self._credential.close()
        self._table = self._credential = None

    @property
    def _client(self) -> TableClient:
        if self._table is None:
            self._table = self._connect()
        return self._table

    def _connect(self) -> TableClient:
        if self._connection_string:
            return TableClient.from_connection_string(
                self._connection_string,
                TABLE,
                connection_timeout=TIMEOUT,
                read_timeout=TIMEOUT,
                retry_total=RETRIES,
            )
        account, _, name = self._url.rstrip("/").rpartition("/")
        if not urlsplit(account).hostname:
            raise BrokerUnavailable(f"{self._url!r} is not the URL of a table")
        # In the cluster the federated token of the ServiceAccount, on a desk `az login`.
        self._credential = DefaultAzureCredential()
        return TableClient(
            account,
            name,
            credential=self._credential,
            connection_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
            retry_total=RETRIES,
        )

    async def _get(self, key: str) -> Any:  # noqa: ANN401 the SDK's entity: a mapping with metadata
        address = _address(key)
        try:
            return await self._client.get_entity(address["PartitionKey"], address["RowKey"])
        except ResourceNotFoundError:
            return None

    async def _replace(self, row: dict[str, Any], found: Any) -> bool:  # noqa: ANN401 the SDK's
        """Whether the row was still as it was found."""
        with _store_errors():
            try:
                await self._client.update_entity(
                    row,
                    mode=UpdateMode.REPLACE,
                    etag=found.metadata["etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return False
        return True

    async def _delete(self, found: Any) -> None:  # noqa: ANN401 the SDK's
        """Unless it was changed meanwhile."""
        try:
            await self._client.delete_entity(
                found, etag=found.metadata["etag"], match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return


def _address(key: str) -> dict[str, Any]:
    """Keys may hold what a row key must not: the hash stands for them, its start spreads them."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"PartitionKey": digest[:2], "RowKey": digest}


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (AzureError, OSError) as error:
        raise BrokerUnavailable(f"Table storage: {error}") from error
