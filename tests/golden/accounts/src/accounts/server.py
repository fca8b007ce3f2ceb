"""Runs the application in one process and takes it down without losing a request.

One process a pod: Kubernetes scales and restarts pods, so a process manager inside one would only
hide crashes and memory from it.
"""

import asyncio
import gc
import logging
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from .lifecycle import Lifecycle
from .settings import Settings
from .tracing import close_tracing

_log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """uvicorn with a pause between "no new traffic, please" and "no new connections".

    When Kubernetes ends a pod, it tells the process and the load balancers at the same time, and
    the latter take seconds. So on SIGTERM readiness goes off while serving goes on; only after the
    drain delay does the server stop accepting and let requests in flight finish.

    SIGINT is a person at a terminal: no delay. A second signal of either kind stops at once.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_delay: float) -> None:
        super().__init__(config)
        self.lifecycle = lifecycle
        self.drain_delay = drain_delay

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replaces uvicorn's handlers, which end the process by the signal instead of exit 0."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop, self.drain_delay)
        loop.add_signal_handler(signal.SIGINT, self._stop, 0.0)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

    def _stop(self, delay: float) -> None:
        if self.lifecycle.draining:
            _log.warning("second signal: stopping at once")
            self.should_exit = self.force_exit = True
            return
        self.lifecycle.draining = True
        _log.info("draining", extra={"delay_seconds": delay})
        asyncio.get_running_loop().call_later(delay, self._stop_accepting)

    def _stop_accepting(self) -> None:
        self.should_exit = True


def serve(app: FastAPI, settings: Settings) -> int:
    """Serve until a signal; returns the exit code: 0 unless requests had to be cut off."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,  # Ours: uvicorn's messages go through the JSON handler too.
        access_log=False,  # RequestContextMiddleware writes it, with the ids.
        server_header=False,
        proxy_headers=False,  # Rate limiting reads X-Forwarded-For, trusting only our own hops.
        timeout_keep_alive=math.ceil(settings.keep_alive_seconds),
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_seconds),
        # No limit_concurrency: its 503 is plain text and unlogged. The autoscaler adds pods and
        # the request timeout sheds what waited too long.
    )
    server = DrainingServer(config, app.state.lifecycle, settings.drain_delay_seconds)
    # What start-up made lives as long as the process: the garbage collector need not visit it.
    gc.collect()
    gc.freeze()
    server.run()
    # Only now have all spans ended, those of requests that were cut off too.
    close_tracing(app.state.tracer_provider)
    cut_off = server.lifecycle.cut_off
    if cut_off:
        _log.error("stopped with requests cut off", extra={"requests": cut_off})
    return 1 if server.force_exit or cut_off else 0
