"""Commands of the service that end by themselves and that its processes wait for: roles, migrations."""

from __future__ import annotations

import math
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from threading import Thread

from standardized_modules.development.events import Event, Line, Prepared, ProcessEnded
from standardized_modules.development.plan import Plan
from standardized_modules.engines.child import Asked, Child, never, wait_until
from standardized_modules.model.library import Preparation

STOP_SECONDS = 5.0


class Preparations:
    """Those of a plan, and which of them are to be run.

    Args:
        plan: The plan.
        emit: Is told each event.
        cancelled: Whether to stop waiting for one.
    """

    def __init__(self, plan: Plan, emit: Callable[[Event], None], cancelled: Asked) -> None:
        self._plan = plan
        self._emit = emit
        self._cancelled = cancelled
        self._due = list(plan.preparations)

    def run(self, settings: Mapping[str, str]) -> bool:
        """Run what is due, in order; what fails stays due.

        Returns:
            Whether the processes can start.
        """
        while self._due and self._succeeds(self._due[0], settings):
            del self._due[0]
        return not self._due

    def note(self, paths: Iterable[str]) -> None:
        """Files changed: whose folder they are in is due again."""
        changed = [PurePosixPath(path) for path in paths]
        source = PurePosixPath("src", self._plan.package)
        self._due = [
            each
            for each in self._plan.preparations
            if each in self._due
            or (each.watched and any(path.is_relative_to(source / each.watched) for path in changed))
        ]

    def _succeeds(self, preparation: Preparation, settings: Mapping[str, str]) -> bool:
        began = time.monotonic()
        child = Child(
            self._plan.command(preparation.arguments),
            environment=settings,
            folder=self._plan.folder,
            output=subprocess.PIPE,
        )
        reader = Thread(target=self._read, args=(preparation.name, child), daemon=True)
        reader.start()
        wait_until(never, child, math.inf, self._cancelled)
        code = child.code
        child.stop(signal.SIGTERM, STOP_SECONDS)
        reader.join(1)
        if code == 0:
            self._emit(Prepared(preparation.name, round(time.monotonic() - began, 2)))
        elif code is not None:
            self._emit(ProcessEnded(preparation.name, code, waits=self._plan.reloads))
        return code == 0

    def _read(self, name: str, child: Child) -> None:
        with child.lines as lines:
            for line in lines:
                self._emit(Line(name, line.decode(errors="replace").rstrip("\r\n")))
