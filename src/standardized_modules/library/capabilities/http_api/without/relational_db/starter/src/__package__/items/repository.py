"""Where items are kept: the port that routes use, and an adapter in memory."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from .models import Item

SortKey = tuple[str, str]


def sort_key(item: Item) -> SortKey:
    """Oldest first; the id decides between items of one moment, so the order is total."""
    return item.created_at.isoformat(timespec="microseconds"), str(item.id)


class ItemRepository(Protocol):
    """What the routes need from storage."""

    async def page(self, limit: int, after: SortKey | None) -> Sequence[Item]:
        """Up to `limit` items in order, beginning behind the key `after`."""
        ...

    async def get(self, item_id: UUID) -> Item | None:
        """The item, or None."""
        ...

    async def add(self, item: Item) -> None:
        """Store a new item."""
        ...

    async def delete(self, item_id: UUID) -> bool:
        """Remove an item; False when there is none."""
        ...


class MemoryItemRepository:
    """Lost at every restart and not shared between replicas: replace it before production."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[SortKey] = []

    async def page(self, limit: int, after: SortKey | None) -> Sequence[Item]:
        """See ItemRepository."""
        start = bisect_right(self._order, after) if after else 0
        return [self._items[item_id] for _, item_id in self._order[start : start + limit]]

    async def get(self, item_id: UUID) -> Item | None:
        """See ItemRepository."""
        return self._items.get(str(item_id))

    async def add(self, item: Item) -> None:
        """See ItemRepository."""
        self._items[str(item.id)] = item
        insort(self._order, sort_key(item))

    async def delete(self, item_id: UUID) -> bool:
        """See ItemRepository."""
        item = self._items.pop(str(item_id), None)
        if item is None:
            return False
        del self._order[bisect_left(self._order, sort_key(item))]
        return True
