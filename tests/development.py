"""`sm dev` as a process that tests can follow, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.conftest import SM

PATIENCE = 60.0
"""Seconds; everything here takes one or two, and other tests share the machine."""
Event = dict[str, Any]


class Marked:
    """Processes that carry a variable of ours, wherever they are in the tree of processes."""

    def __init__(self) -> None:
        self.value = uuid.uuid4().hex
        self.environment = {"SM_TEST_MARK": self.value}

    def alive(self) -> list[str]:
        """Command lines of those that run; what has ended and was not collected has none."""
        return [command for each in Path("/proc").iterdir() if each.name.isdigit() and (command := self.of(each))]

    def of(self, process: Path) -> str:
        try:
            if f"SM_TEST_MARK={self.value}".encode() in (process / "environ").read_bytes():
                return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended meanwhile, or is somebody else's
            pass
        return ""


class Dev:
    """`sm dev --json` with its events as they come."""

    def __init__(self, service: Path, *options: str, **environment: str) -> None:
        self.marked = Marked()
        self.events: list[Event] = []
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [*SM, "dev", str(service), "--json", *options],
            env={**os.environ, **self.marked.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._queue.put(json.loads(line))
        self._queue.put(None)

    def next(self, event: str, /, **fields: object) -> Event:
        """Wait for an event; the ones before it are passed over."""
        return self.until(lambda each: each["event"] == event and fields.items() <= each.items())

    def line(self, text: str) -> Event:
        """Wait for a printed line that holds a text."""
        return self.until(lambda each: each["event"] == "line" and text in each["text"])

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        deadline = time.monotonic() + PATIENCE
        while True:
            event = self._queue.get(timeout=max(0.1, deadline - time.monotonic()))
            assert event is not None, f"it ended: {self.process.wait()} {self.events} {self.said()}"
            self.events.append(event)
            if wanted(event):
                return event

    def url(self, title: str) -> str:
        """An address, once it runs."""
        running = next((each for each in self.events if each["event"] == "running"), None) or self.next("running")
        return str(next(each["url"] for each in running["addresses"] if each["title"] == title))

    def said(self) -> str:
        assert self.process.stderr
        return self.process.stderr.read()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def rest(self) -> list[Event]:
        """The events that are left, after the end."""
        rest: list[Event] = []
        while (event := self._queue.get(timeout=PATIENCE)) is not None:
            rest.append(event)
        return rest

    def __enter__(self) -> Dev:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()
        assert gone(self.marked), self.marked.alive()


def gone(marked: Marked, seconds: float = 10) -> bool:
    """Whether all of them end within a time."""
    deadline = time.monotonic() + seconds
    while marked.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
