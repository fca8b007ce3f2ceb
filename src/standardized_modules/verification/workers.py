"""Checks in processes of their own. See ADR 0005.

A process, not a thread: checkov and the schema validators are Python that holds the interpreter's
lock, Terraform as a library can end its process, and neither may print into the report. Forked, so that
the files, read once, are there at once; this must happen before any thread is started.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import IO, Any

import msgspec

from standardized_modules.checks import CheckInfo, ToolMissingError, Tree, load
from standardized_modules.verification.result import Outcome

LIMIT = 300.0
"""Seconds after which a check is given up. The slowest takes about ten."""
MOST = 4
"""More processes than this only repeat imports: the longest check bounds the run."""
INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM})
_FORK = multiprocessing.get_context("fork")


def run_checks(tree: Tree, checks: Sequence[CheckInfo], limit: float = LIMIT) -> Iterator[Outcome]:
    """The outcomes of the checks, as they end."""
    # Long ones first, of those the scanners of everything, which have the high ids. Kubernetes is at the other end.
    by_id = sorted(checks, key=lambda each: each.id, reverse=True)
    queue = deque(sorted(by_id, key=lambda each: (not each.exclusive, each.layer == "kubernetes")))
    workers: list[_Worker] = []
    try:
        for number in range(min(_cores(), MOST, len(queue))):
            workers.append(_Worker(tree, workers, from_end=number > 0))
            workers[-1].take(queue)
        while any(worker.check for worker in workers):
            ready = wait([worker.connection for worker in workers if worker.check], timeout=1)
            for worker in [each for each in workers if each.connection in ready or each.is_late(limit)]:
                yield worker.outcome(limit)
                if not worker.alive:
                    workers.remove(worker)
                    worker.end()
                    if queue:
                        worker = _Worker(tree, workers, worker.from_end)
                        workers.append(worker)
                worker.take(queue)
    finally:
        for worker in workers:
            worker.end()


def run_check(tree: Tree, check: CheckInfo) -> Outcome:
    """The outcome of one check, here and now. What it raises is an outcome too."""
    started = time.monotonic()
    try:
        findings = tuple(load(check).check(tree.only(check.reads)))
    except ToolMissingError as missing:
        return Outcome(check.id, "not run", reason=missing.message, hint=missing.hint)
    except Exception:  # a bug of ours in one check must not hide what the others find
        return Outcome(check.id, "crashed", seconds=time.monotonic() - started, reason=traceback.format_exc())
    return Outcome(check.id, "findings" if findings else "clean", findings, time.monotonic() - started)


class _Worker:
    """A process that runs one check after another, as they are given to it."""

    def __init__(self, tree: Tree, others: Sequence[_Worker], from_end: bool) -> None:
        self.from_end, self.alive = from_end, True
        self.check: CheckInfo | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by end()
        self._started = 0.0
        self.connection, theirs = _FORK.Pipe()
        inherited = [self.connection, *(each.connection for each in others)]
        self._process: Any = _FORK.Process(target=_serve, args=(tree, theirs, inherited, self._said), daemon=False)
        # Python runs hooks of its own around a fork, and an interrupt that comes in one of them is lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
        theirs.close()

    def take(self, queue: deque[CheckInfo]) -> None:
        """Begin with the next check. The first process takes them from the front, the others from the end."""
        self.check = None
        if queue and self.alive:
            self.check = queue.pop() if self.from_end else queue.popleft()
            self._started = time.monotonic()
            # A process that has just died shows in outcome().
            with contextlib.suppress(OSError):
                self.connection.send_bytes(msgspec.msgpack.encode(self.check))

    def is_late(self, limit: float) -> bool:
        """Whether its check takes longer than the limit."""
        return self.check is not None and time.monotonic() - self._started > limit

    def outcome(self, limit: float) -> Outcome:
        """What its check gave; when there is nothing, the process has died or is late."""
        assert self.check is not None
        seconds = time.monotonic() - self._started
        try:
            if self.connection.poll():
                return msgspec.msgpack.decode(self.connection.recv_bytes(), type=Outcome)
            reason = f"it had not ended after {limit:g} s"
        except (EOFError, OSError):
            self._process.join()
            reason = f"its process ended with {self._process.exitcode}"
        self.alive = False
        return Outcome(self.check.id, "crashed", seconds=seconds, reason=f"{reason}\n{self._last_words()}")

    def end(self) -> None:
        """End the process with everything that it started."""
        self.connection.close()
        with contextlib.suppress(OSError):
            if self.check is not None:
                os.killpg(self._process.pid, signal.SIGTERM)
        self._process.join(3)
        with contextlib.suppress(OSError):
            if self._process.is_alive():
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()
        self._said.close()

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-2000:].decode(errors="replace")


def _serve(tree: Tree, connection: Connection, inherited: Sequence[Connection], said: IO[bytes]) -> None:
    """Run in the new process: take checks until the other side has gone."""
    # Of its own group: Ctrl-C reaches the parent alone, which then ends the group with the tools in it.
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    for each in inherited:
        each.close()
    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    sys.stdout = sys.stderr = open(said.fileno(), "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115  to its end
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            check = msgspec.msgpack.decode(connection.recv_bytes(), type=CheckInfo)
            connection.send_bytes(msgspec.msgpack.encode(run_check(tree, check)))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
