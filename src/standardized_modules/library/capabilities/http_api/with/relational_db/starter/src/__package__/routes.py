"""Your routes. This file is yours: replace the example resource with your own.

Each app gets its own objects, so tests do not see each other's data. Keep them on `app.state`; a
router may bring a `lifespan` to open and close what it needs. A dependency without which nothing
works gets a readiness check: `app.state.health.add("search", check)`.
"""

from fastapi import FastAPI

from .items.postgresql import PostgresqlItems
from .items.routes import router as items
from .settings import Settings


def include_routes(app: FastAPI, _settings: Settings) -> None:
    """Called once for each application, before it serves."""
    app.state.items = PostgresqlItems(app.state.database)
    app.include_router(items, prefix="/v1")
