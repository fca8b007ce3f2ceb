"""Items in PostgreSQL: reads by plain SQL, writes as units of work."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from ..database import Database, Position, Statement
from .changes import ItemChanges
from .models import Item
from .repository import SortKey

GET = Statement(
    "get item",
    "SELECT id, name, quantity, version, created_at, updated_at FROM items WHERE id = $1",
)
LIST = Statement(
    "list items",
    "SELECT id, name, quantity, version, created_at, updated_at FROM items"
    " WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3",
)
LIST_BY_NAME = Statement(
    "list items by name",
    "SELECT id, name, quantity, version, created_at, updated_at FROM items"
    " WHERE name = $4 AND (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3",
)

BEGINNING = SortKey(datetime.min.replace(tzinfo=UTC), UUID(int=0))
"""Before every item."""


class PostgresqlItems:
    """See ItemRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, limit: int, after: SortKey | None, name: str | None, position: Position
    ) -> Sequence[Item]:
        """See ItemRepository. What is committed while a client pages may sort before its place.

        `created_at` is the moment when a transaction began: one that takes a second to commit
        appears a second later in a place that a fast reader has passed. The list is for people and
        for exports that may be a moment old; to follow all changes takes another means.
        """
        statement, more = (LIST, ()) if name is None else (LIST_BY_NAME, (name,))
        key = after or BEGINNING
        rows = await self._database.fetch(statement, *key, limit, *more, after=position)
        return [Item.model_validate(dict(row)) for row in rows]

    async def get(self, item_id: UUID, position: Position) -> Item | None:
        """See ItemRepository."""
        item, _ = await self.get_dated(item_id, position)
        return item

    async def get_dated(self, item_id: UUID, position: Position) -> tuple[Item | None, Position]:
        """The item, or None; and the position up to which it shows every write."""
        row, date = await self._database.fetchrow_dated(GET, item_id, after=position)
        return Item.model_validate(dict(row)) if row else None, date

    @asynccontextmanager
    async def change(self, what: str, caller: str) -> AsyncIterator[ItemChanges]:
        """See ItemRepository."""
        async with self._database.write(what, caller) as tx:
            yield ItemChanges(tx)
