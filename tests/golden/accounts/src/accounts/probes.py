"""The three questions Kubernetes asks. Anyone may ask them, so answers name no dependency."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from .health import HealthChecks
from .lifecycle import Lifecycle

PATHS = frozenset({"/livez", "/readyz", "/startupz"})
"""Not logged, counted, limited or traced: probes would drown everything else."""


def probe_router(lifecycle: Lifecycle, checks: HealthChecks) -> APIRouter:
    """Routes outside the OpenAPI document: they are for the platform, not for clients."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        """The event loop runs. It asks no dependency: restarting us would not repair one."""
        return JSONResponse({"status": "ok"})

    @router.get("/startupz")
    async def startupz() -> Response:
        """Start-up is over; until then the other probes wait."""
        return JSONResponse({"status": lifecycle.phase}, 200 if lifecycle.started else 503)

    @router.get("/readyz")
    async def readyz() -> Response:
        """Send traffic here: we have started, are not leaving, and every check passes.

        Which one does not is in the log.
        """
        if lifecycle.phase != "serving":
            return JSONResponse({"status": lifecycle.phase}, 503)
        report = await checks.report()
        if not report.healthy:
            return JSONResponse({"status": "unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    return router
