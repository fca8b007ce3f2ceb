"""The three questions Kubernetes asks. Anyone may ask them, so answers name no dependency."""

import logging

from ..health import HealthChecks
from .equipment import Equipment
from .responder import Answer

_log = logging.getLogger(__name__)


class Probes:
    """Answers /livez, /readyz and /startupz."""

    def __init__(self, equipment: Equipment, checks: HealthChecks) -> None:
        self.lifecycle = equipment.lifecycle
        self.vitals = equipment.vitals
        self.stall_seconds = equipment.settings.worker_stall_seconds
        self.checks = checks

    async def respond(self, method: str, path: str, _body: bytes) -> Answer:
        """The answer to a request."""
        paths = {"/livez": self.livez, "/readyz": self.readyz, "/startupz": self.startupz}
        if path not in paths:
            return 404, {"status": "not found"}
        if method != "GET":
            return 405, {"status": "method not allowed"}
        return await paths[path]()

    async def livez(self) -> Answer:
        """The event loop runs, or nobody would answer; nothing in it is stuck."""
        if fault := self.vitals.fault(self.stall_seconds):
            _log.error("not alive: %s", fault)
            return 503, {"status": "stuck"}
        return 200, {"status": "ok"}

    async def startupz(self) -> Answer:
        """Start-up is over; until then the other probes wait."""
        return (200 if self.lifecycle.started else 503), {"status": self.lifecycle.phase}

    async def readyz(self) -> Answer:
        """We work: started, not about to stop, and the broker answers.

        Nobody sends a worker traffic, but a rollout goes on only when its pods are ready.
        """
        if self.lifecycle.phase != "serving":
            return 503, {"status": self.lifecycle.phase}
        report = await self.checks.report()
        return (200, {"status": "ok"}) if report.healthy else (503, {"status": "unavailable"})
