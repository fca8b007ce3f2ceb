"""Items through the cache: one at a time. Lists come from the database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from ..cache import Cache, CacheAside
from ..cached_answers import Answer
from ..database import Position
from .changes import ItemChanges
from .models import FORM, Item
from .postgresql import PostgresqlItems
from .repository import SortKey


class CachedItems:
    """See ItemRepository.

    Lists are not cached: every change would end all of them, and there are as many as there are
    filters and cursors. An index makes each a matter of a millisecond.
    """

    def __init__(self, stored: PostgresqlItems, cache: Cache) -> None:
        self._stored = stored
        self._cached: CacheAside[Item] = CacheAside(
            cache, "items", form=FORM, encode=_encode, decode=_decode
        )

    async def page(
        self, limit: int, after: SortKey | None, name: str | None, position: Position
    ) -> Sequence[Item]:
        """See ItemRepository."""
        return await self._stored.page(limit, after, name, position)

    async def get(self, item_id: UUID, position: Position) -> Item | None:
        """See ItemRepository."""

        async def load(needed: Position) -> tuple[Item | None, Position]:
            return await self._stored.get_dated(item_id, needed)

        return await self._cached.get(str(item_id), position, load)

    async def known(self, item_id: str, position: Position) -> Answer | None:
        """The answer with an item, if the cache has it."""
        return await self._cached.peek(item_id, position, Answer.decode)

    @asynccontextmanager
    async def change(self, what: str, caller: str) -> AsyncIterator[ItemChanges]:
        """See ItemRepository."""
        changes = None
        try:
            async with self._stored.change(what, caller) as changes:
                yield changes
        finally:
            # Once the commit was sent it may be done, even if we never hear of it.
            if changes is not None and changes.tx.commits:
                ids = map(str, changes.changed)
                await self._cached.written(ids, changes.tx.position)


def _encode(item: Item) -> bytes:
    return Answer(item.tag, item.model_dump_json().encode()).encode()


def _decode(kept: bytes) -> Item:
    return Item.model_validate_json(Answer.decode(kept).body)
