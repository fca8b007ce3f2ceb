"""Every module with tables is imported here: migrations know of no others."""

from .idempotency import IdempotencyKeyRow
from .items.table import ItemRow

__all__ = ["IdempotencyKeyRow", "ItemRow"]
