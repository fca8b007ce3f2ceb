"""A process that never outlives us, with everything that it starts.

Each child gets a process group of its own, led by a guard: a shell that waits on a pipe which only
we hold open. However we end, kill -9 included, the kernel closes the pipe, and the guard ends the
group: first politely, after two seconds for good. That needs no cooperation of the child, reaches
its own children too, and works wherever there are process groups; Linux' parent-death signal
(PR_SET_PDEATHSIG) would reach the direct child only. There is no moment without a guard: between
fork and exec the child is in the group already, and holds our end of the pipe until exec closes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_GUARD = 'trap "" HUP INT TERM; read -r _; kill -s TERM 0; sleep 2; kill -s KILL 0'
_STEP, _LARGEST_STEP = 0.02, 0.25
"""Seconds between two looks at something that is about to happen, at first and in the end."""


Asked = Callable[[], bool]
"""Whether somebody wants us to stop waiting."""


def never() -> bool:
    """Nobody does."""
    return False


class Child:
    """A process of ours.

    Args:
        command: What to run.
        environment: All of its variables.
        folder: Its working directory.
        output: Where standard output and error go: a file, or `subprocess.PIPE` to read `lines`.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: int | IO[bytes]
    ) -> None:
        read, self._pipe = os.pipe()
        try:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD],
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            os.close(read)
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=self._guard.pid,
            )
        except BaseException:
            self._end_group()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def lines(self) -> IO[bytes]:
        """What it prints."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def code(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its end."""
        return self._process.wait()

    def stop(self, number: signal.Signals, seconds: float, hurry: Asked = never) -> bool:
        """Ask it to end, and end it for good when it has not after `seconds`, or when `hurry` says so.

        Returns:
            Whether it ended by itself.
        """
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        deadline = time.monotonic() + seconds
        while self.code is None and time.monotonic() < deadline and not hurry():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STEP)
        in_time = self.code is not None
        self._end_group()
        self._process.wait()
        return in_time

    def _end_group(self) -> None:
        """What is left of the group, the guard included."""
        if self._guard.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
            os.close(self._pipe)


def wait_until(ready: Callable[[], bool], child: Child, seconds: float, cancelled: Asked = never) -> bool:
    """Ask until `ready` says yes.

    Returns:
        False when the child has ended, the time is over or `cancelled` says so.
    """
    deadline, step = time.monotonic() + seconds, _STEP
    while child.code is None and time.monotonic() < deadline and not cancelled():
        if ready():
            return True
        time.sleep(step)
        step = min(step * 1.2, _LARGEST_STEP)
    return False
