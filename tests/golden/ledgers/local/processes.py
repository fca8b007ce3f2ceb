"""Processes that never outlive us, however we end.

Each gets a process group of its own, led by a guard: a shell that waits on a pipe which only we
hold open. When we are killed the kernel closes the pipe, and the guard ends the group: politely at
first, after two seconds for good. That works wherever there are process groups, and needs no help
of the process.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
"""Engines take about a second to answer; a busy machine may take a while longer."""
_GUARD = 'trap "" HUP INT TERM; read -r _; kill -s "$1" 0; sleep 2; kill -s KILL 0'
_STEP = 0.02


class EngineError(Exception):
    """An engine does not start, or does not do what it is told."""


class Account(NamedTuple):
    """Whom a process runs as."""

    user: int
    group: int


class Process:
    """A process and its guard.

    Args:
        command: What to run.
        log: Where standard output and error go; None leaves them where ours go.
        environment: All of its variables; ours by default.
        account: Whom it runs as, when that is not us.
        polite: The signal that asks it to end.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        polite: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._polite = polite
        read, self._pipe = os.pipe()
        try:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", polite.name.removeprefix("SIG")],
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            os.close(read)
        try:
            self._process = self._start(command, log, environment, account)
        except BaseException:
            self._end_group()
            raise

    def _start(
        self,
        command: Sequence[str | Path],
        log: Path | None,
        environment: Mapping[str, str] | None,
        account: Account | None,
    ) -> subprocess.Popen[bytes]:
        output = None if log is None else log.open("ab")
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                env=environment,
                process_group=self._guard.pid,
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=[] if account else None,
            )
        finally:
            if output is not None:
                output.close()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait()

    def stop(self, seconds: float = 20) -> None:
        """Ask it to end, and kill it when it has not after some time."""
        self.send(self._polite)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once, with what it started and its guard."""
        self._end_group()
        self._process.wait()

    def _end_group(self) -> None:
        if self._guard.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
            os.close(self._pipe)


def wait_until(ready: Callable[[], bool], process: Process, log: Path) -> None:
    """Wait until an engine answers.

    Raises:
        EngineError: when it ends, or takes too long; with its last words.
    """
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.code is not None or time.monotonic() > deadline:
            words = log.read_text(errors="replace").rstrip().splitlines()[-10:]
            raise EngineError("\n".join(["does not start; it said:", *words]))
        time.sleep(_STEP)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
