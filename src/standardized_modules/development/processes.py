"""The service's own processes: start, read what they print, see them get ready or end, stop."""

from __future__ import annotations

import http.client
import math
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread

from msgspec import Struct

from standardized_modules.development.events import Event, Line, ProcessStarted, Stopped
from standardized_modules.development.plan import Planned
from standardized_modules.engines.child import Asked, Child, wait_until
from standardized_modules.engines.running import LOOPBACK

STOP_SECONDS = 20.0
"""Until a process is killed. A service gives work in flight 17 seconds by default; nobody waits for
that at a terminal unless there is work in flight."""
READY_SECONDS = math.inf
"""As long as the process lives: somebody may be looking at its start in a debugger."""


class Ready(Struct, frozen=True):
    """A process says that it is ready."""

    run: Run
    seconds: float


class Ended(Struct, frozen=True):
    """A process ended; everything that it printed has been told."""

    run: Run
    code: int


class Run:
    """One process from its start to its end; the next start is another one.

    Args:
        planned: What to run.
        settings: All of its variables.
        folder: The service's.
        emit: Is told each event.
        post: Is told when it is ready and when it has ended, from threads.
    """

    def __init__(
        self,
        planned: Planned,
        settings: Mapping[str, str],
        folder: Path,
        emit: Callable[[Event], None],
        post: Callable[[Ready | Ended], None],
    ) -> None:
        self.planned = planned
        self.name = planned.process.name
        self._emit = emit
        self._post = post
        self._started = time.monotonic()
        self._ready = False
        self._child = Child(
            planned.command, environment={**settings, **planned.settings}, folder=folder, output=subprocess.PIPE
        )
        emit(ProcessStarted(self.name, self._child.pid))
        self._reader = Thread(target=self._read, daemon=True)
        for thread in (self._reader, Thread(target=self._wait, daemon=True), Thread(target=self._poll, daemon=True)):
            thread.start()

    def stop(self, hurry: Asked) -> None:
        """End it, by SIGINT: for a service that is a person at a terminal, who does not want to wait
        until load balancers have noticed. While it still imports, SIGTERM makes less noise."""
        running = self._child.code is None
        in_time = self._child.stop(signal.SIGINT if self._ready else signal.SIGTERM, STOP_SECONDS, hurry)
        self._reader.join(1)
        if running:
            self._emit(Stopped(self.name, forced=not in_time))

    def _read(self) -> None:
        with self._child.lines as lines:
            for line in lines:
                self._emit(Line(self.name, line.decode(errors="replace").rstrip("\r\n")))

    def _wait(self) -> None:
        code = self._child.wait()
        self._reader.join(1)  # a grandchild may keep the pipe open
        self._post(Ended(self, code))

    def _poll(self) -> None:
        asked = [(port.number, port.port.ready) for port in self.planned.ports if port.port.ready]
        if wait_until(lambda: all(_answers(*each) for each in asked), self._child, READY_SECONDS):
            self._ready = True
            self._post(Ready(self, time.monotonic() - self._started))


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
