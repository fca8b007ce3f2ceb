"""Deletes what has expired in a table of idempotency keys: Table storage doesn't by itself."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError

from .queue import BrokerUnavailable

if TYPE_CHECKING:
    from azure.core.async_paging import AsyncPageIterator
    from azure.data.tables import TableEntity
    from azure.data.tables.aio import TableClient

CLAIMS_PER_SWEEP = 200
ROWS_PER_SWEEP = 1000
"""What Table storage answers at once. With one sweep for 200 claims, five rows are looked at for
each that is added: a round ends after a fifth as many claims as there are rows, and rows stay for a
fifth longer than they count. A filter by expiry would make the service read on until it found a
page of them, which in a table of millions is a whole partition for each sweep."""
COLUMNS = ("PartitionKey", "RowKey", "expires_at")


class Sweeper:
    """Looks at the next rows after some claims, beside the tasks, and begins anew at the end.

    Each worker has a place of its own. That two delete the same row does no harm.
    """

    def __init__(
        self,
        table: Callable[[], "TableClient"],
        claims_per_sweep: int = CLAIMS_PER_SWEEP,
        rows_per_sweep: int = ROWS_PER_SWEEP,
    ) -> None:
        self._table = table
        self._claims_per_sweep = claims_per_sweep
        self._rows_per_sweep = rows_per_sweep
        self._claims = 0
        # Workers begin at different places.
        self._from = f"{random.randrange(256):02x}"  # noqa: S311 no secret
        self._place: str | None = None
        self._sweeping: asyncio.Task[None] | None = None

    def claimed(self) -> None:
        """Another key was claimed."""
        self._claims += 1
        idle = self._sweeping is None or self._sweeping.done()
        if idle and self._claims % self._claims_per_sweep == 0:
            self._sweeping = asyncio.create_task(self._sweep(), name="sweep")

    async def close(self) -> None:
        """End it; what is left the next worker finds."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
            self._sweeping = None

    async def _sweep(self) -> None:
        try:
            await self._next_page()
        except (AzureError, OSError, BrokerUnavailable):
            # The same page again, next time; that the store is away, the next claim reports.
            return

    async def _next_page(self) -> None:
        rows = self._table().query_entities(
            "PartitionKey ge @from",
            parameters={"from": self._from},
            select=[*COLUMNS],
            results_per_page=self._rows_per_sweep,
        )
        pages = cast("AsyncPageIterator[TableEntity]", rows.by_page(self._place))
        now = time.time()
        async for page in pages:
            async for row in page:
                if row["expires_at"] < now:
                    await self._delete(row)
            break
        self._place = pages.continuation_token
        if self._place is None:
            self._from = ""

    async def _delete(self, row: "TableEntity") -> None:
        """Unless it was changed meanwhile."""
        try:
            await self._table().delete_entity(
                row, etag=row.metadata["etag"], match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return
