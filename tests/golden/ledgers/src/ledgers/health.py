"""The checks behind readiness: can this process do useful work?

A pod that is not ready gets no requests, so register what is wrong with this one alone, such as a
login that does not work when it starts. A server that all pods share goes away for all of them at
once: a check that fails then leaves nobody to say so, or to serve what does not need that server.
Workers get no requests; their readiness is for rollouts, and may look at what they share.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency works and raises when it does not."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """The state of every dependency by name: "ok", "failed" or "timeout"."""

    checks: dict[str, str]

    @property
    def healthy(self) -> bool:
        """True when every check passed, and when there is none."""
        return all(state == "ok" for state in self.checks.values())


@dataclass
class HealthChecks:
    """Runs all checks at once, each under its own timeout, and remembers the answer briefly.

    The memory is there because anyone can ask for readiness: without it, a flood of probes would
    become a flood of database queries.
    """

    remember_seconds: float = 1.0
    _checks: dict[str, tuple[Check, float]] = field(default_factory=dict)
    _report: Report | None = None
    _expires: float = 0.0
    _running: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, name: str, check: Check, *, timeout: float = 1.0) -> None:
        """Register a dependency; the name appears in the log when it fails."""
        if name in self._checks:
            raise ValueError(f"there is already a health check named {name!r}")
        self._checks[name] = (check, timeout)

    async def report(self) -> Report:
        """The newest report, at most `remember_seconds` old."""
        async with self._running:
            if self._report is None or time.monotonic() >= self._expires:
                states = await asyncio.gather(*(self._run(name) for name in self._checks))
                self._report = Report(dict(zip(self._checks, states, strict=True)))
                self._expires = time.monotonic() + self.remember_seconds
            return self._report

    async def _run(self, name: str) -> str:
        check, timeout = self._checks[name]
        try:
            async with asyncio.timeout(timeout):
                await check()
        except TimeoutError:
            _log.warning("health check timed out", extra={"check": name})
            return "timeout"
        except Exception:  # noqa: BLE001 whatever it raises, the dependency does not work
            _log.warning("health check failed", extra={"check": name}, exc_info=True)
            return "failed"
        return "ok"
