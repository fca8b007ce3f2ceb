"""Your routes. This file is yours: replace the example resource with your own.

Each app gets its own objects, so tests do not see each other's data. Keep them on `app.state`; a
router may bring a `lifespan` to open and close what it needs. A dependency without which nothing
works gets a readiness check: `app.state.health.add("search", check)`.
"""

from fastapi import FastAPI

from .cached_answers import answer_from_cache
from .items.cached import CachedItems
from .items.postgresql import PostgresqlItems
from .items.routes import router as items
from .settings import Settings


def include_routes(app: FastAPI, _settings: Settings) -> None:
    """Called once for each application, before it serves."""
    app.include_router(items, prefix="/v1")
    app.state.items = stored = PostgresqlItems(app.state.database)
    if app.state.cache:
        app.state.items = cached = CachedItems(stored, app.state.cache)
        # The route does not see these requests, so it may have no dependencies: see the module.
        answer_from_cache(app, "/v1/items/{item_id}", cached.known)
