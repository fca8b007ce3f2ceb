"""Where items are kept: what routes need from storage."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from ..database import Position
from .changes import ItemChanges
from .models import Item


class SortKey(NamedTuple):
    """Oldest first; the id decides between items of one moment, so the order is total."""

    created_at: datetime
    id: UUID


class ItemRepository(Protocol):
    """Reads see at least what is written up to a position in the database's log."""

    async def page(
        self, limit: int, after: SortKey | None, name: str | None, position: Position
    ) -> Sequence[Item]:
        """Up to `limit` items in order, beginning behind the key; of one name, or of all."""
        ...

    async def get(self, item_id: UUID, position: Position) -> Item | None:
        """The item, or None."""
        ...

    def change(self, what: str, caller: str) -> AbstractAsyncContextManager[ItemChanges]:
        """A unit of work: what is changed in the block happens when it is left, or not at all.

        `what` names it in metrics and logs; the caller's next reads see it.
        """
        ...
