"""Signs of life, for the liveness probe: the loop that receives, and the handlers that run."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

POLL_SILENCE_SECONDS = 120.0
"""The receiving loop shows itself at least every 50 s, after a poll that nobody answered."""


class Vitals:
    """A restart helps against what it reports; what a restart cannot repair, readiness reports."""

    def __init__(self) -> None:
        self._beat: float | None = None
        self._running: dict[object, tuple[str, float]] = {}

    def beat(self) -> None:
        """The receiving loop is alive."""
        self._beat = _now()

    def rest(self) -> None:
        """The receiving loop has ended as it should."""
        self._beat = None

    @contextmanager
    def running(self, task: str) -> Iterator[None]:
        """Around a handler."""
        attempt = object()
        self._running[attempt] = task, _now()
        try:
            yield
        finally:
            del self._running[attempt]

    def fault(self, stall_seconds: float) -> str | None:
        """What is wrong; None when all is well."""
        now = _now()
        if self._beat is not None and now - self._beat > POLL_SILENCE_SECONDS:
            return "the receiving loop hangs"
        stuck = {name for name, began in self._running.values() if now - began > stall_seconds}
        return f"stuck: {', '.join(sorted(stuck))}" if stuck else None


def _now() -> float:
    return asyncio.get_running_loop().time()
