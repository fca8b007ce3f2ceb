"""Changes to items within a unit of work."""

from collections.abc import Callable
from uuid import UUID, uuid4

from sqlalchemy.orm.attributes import flag_modified

from ..database import Transaction
from .models import Item, NewItem
from .table import ItemRow

Check = Callable[[Item], None]
"""Gets the item as it is and raises when it must not be changed."""


class ItemChanges:
    """The items of one transaction.

    An item is locked before it is checked, so nobody changes it between the check and the change.
    """

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.changed: set[UUID] = set()

    async def add(self, new: NewItem) -> Item:
        """Store a new item."""
        row = ItemRow(id=uuid4(), **new.model_dump())
        self.tx.session.add(row)
        return await self._write(row)

    async def replace(self, item_id: UUID, new: NewItem, check: Check) -> Item | None:
        """Give an item another content; None when there is none."""
        row = await self._lock(item_id, check)
        if row is None:
            return None
        row.name, row.quantity = new.name, new.quantity
        # It is written even when it says the same: each change has a version of its own.
        flag_modified(row, "name")
        return await self._write(row)

    async def delete(self, item_id: UUID, check: Check) -> bool:
        """Remove an item; False when there is none."""
        row = await self._lock(item_id, check)
        if row is None:
            return False
        await self.tx.session.delete(row)
        self.changed.add(item_id)
        return True

    async def _lock(self, item_id: UUID, check: Check) -> ItemRow | None:
        row = await self.tx.session.get(ItemRow, item_id, with_for_update=True)
        if row is not None:
            check(_item(row))
        return row

    async def _write(self, row: ItemRow) -> Item:
        await self.tx.session.flush()
        self.changed.add(row.id)
        return _item(row)


def _item(row: ItemRow) -> Item:
    return Item.model_validate(row, from_attributes=True)
