"""Your routes. This file is yours: replace the example resource and the example task with your own.

Each app gets its own objects, so tests do not see each other's data. Keep them on `app.state`; a
router may bring a `lifespan` to open and close what it needs. A dependency without which nothing
works gets a readiness check: `app.state.health.add("database", check)`.
"""

from fastapi import FastAPI

from .idempotency_memory import MemoryIdempotencyStore
from .invoices import router as invoices
from .items.repository import MemoryItemRepository
from .items.routes import router as items
from .settings import Settings


def include_routes(app: FastAPI, _settings: Settings) -> None:
    """Called once for each application, before it serves."""
    app.state.items = MemoryItemRepository()
    # In the memory of one process: share it between replicas before you rely on it.
    app.state.idempotency = MemoryIdempotencyStore()
    app.include_router(items, prefix="/v1")
    app.include_router(invoices, prefix="/v1")
