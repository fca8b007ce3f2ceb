"""Puts the service together: routes inside, then the layers every request passes through."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI

from . import routes
from .cache import open_cache, open_shared_writes
from .database import open_database
from .database.http import install_database
from .docs import install_docs
from .health import HealthChecks
from .lifecycle import Lifecycle
from .metrics import INFO
from .middleware.body_limit import BodyLimitMiddleware
from .middleware.request_context import RequestContextMiddleware
from .middleware.timeout import TimeoutMiddleware
from .middleware.tracing import TracingMiddleware
from .probes import probe_router
from .problems import MEDIA_TYPE, Problem, install_problem_handlers
from .rate_limit import RateLimitMiddleware, build_limiter
from .settings import Settings
from .tracing import build_tracer_provider

API_VERSION = "1"
"""Of the contract, not of the code: it is part of /v1 and of docs/openapi.json."""

Routes = Callable[[FastAPI, Settings], None]
"""What `routes.py` provides; tests bring their own."""

_PROBLEM_REF = {"schema": {"$ref": "#/components/schemas/Problem"}}


class Service(FastAPI):
    """A FastAPI application whose OpenAPI document says that every error is a problem."""

    def openapi(self) -> dict[str, Any]:
        """The document, with the schema that the `default` answers of all routes point to."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        return document


def create_app(
    settings: Settings,
    include_routes: Routes = routes.include_routes,
) -> FastAPI:
    """A complete application. It shares nothing with others, so tests make as many as they like.

    Your routes come from `routes.py`; there is nothing to edit here.
    """
    lifecycle, checks = Lifecycle(), HealthChecks()
    cache = open_cache(settings)
    limiter = build_limiter(settings, cache)
    provider = build_tracer_provider(settings)
    database = open_database(settings, open_shared_writes(settings, cache))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with cache or nullcontext(), database:
            lifecycle.started = True
            yield
        if limiter is not None:
            await limiter.close()

    app = Service(
        title="Ledgers",
        version=API_VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        # A redirect would name the scheme and host that we see behind the load balancer.
        redirect_slashes=False,
        responses={"default": {"description": "Error", "content": {MEDIA_TYPE: _PROBLEM_REF}}},
        # Metrics, logs and spans are ours: FastAPI's own would record everything twice.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    INFO.labels(settings.version).set(1)
    app.state.settings, app.state.lifecycle, app.state.health = settings, lifecycle, checks
    app.state.tracer_provider = provider  # Whoever runs the app closes it: last of all.
    install_problem_handlers(app)
    install_database(app, database, checks)
    app.state.cache = cache  # Readiness does not depend on it: nothing does.
    # Routes are tried in order: first those that get the traffic.
    include_routes(app, settings)
    app.include_router(probe_router(lifecycle, checks))
    if settings.docs_enabled:
        install_docs(app)

    # The last one added is the outermost.
    app.add_middleware(TimeoutMiddleware, seconds=settings.request_timeout_seconds)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes)
    if limiter is not None:
        app.add_middleware(
            RateLimitMiddleware,
            limiter=limiter,
            limit=settings.rate_limit_requests,
            window=settings.rate_limit_window_seconds,
            trusted_hops=settings.trusted_proxy_hops,
        )
    app.add_middleware(RequestContextMiddleware, lifecycle=lifecycle)
    if provider is not None:
        app.add_middleware(TracingMiddleware, provider=provider)
    return app
