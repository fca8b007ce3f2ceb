"""Worker processes of a generated service, and what they did."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from standardized_modules.engines.running import LOOPBACK, free_ports
from tests.generated.worker.brokers import Queue

PROGRAM = Path(__file__).with_name("program.py")
PATIENCE = 90.0
"""Seconds. Nothing here takes a tenth of it on an idle machine, and the machine is not idle."""
Note = dict[str, Any]


def eventually(happens: Callable[[], object], what: str | Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what() if callable(what) else what}"
        time.sleep(0.05)


class Worker:
    """A process that runs tasks."""

    def __init__(self, workers: Workers, pid: int, log: Path, metrics_port: int) -> None:
        self.workers, self.pid, self.log, self._metrics_port = workers, pid, log, metrics_port
        self.code: int | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code."""
        if self.code is None:
            self.code = self.workers.ask({"wait": self.pid})
            self.workers.alive.discard(self)
        return self.code

    def kill(self) -> None:
        """End it without a chance to say anything."""
        self.signal(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, self.log.read_text()

    def stop(self) -> None:
        """Ask it to end, as Kubernetes does."""
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, self.log.read_text()

    def outcomes(self) -> Counter[str]:
        """What became of messages, by its metrics."""
        connection = http.client.HTTPConnection(LOOPBACK, self._metrics_port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "tasks_total":
                    found[sample.labels["outcome"]] += int(sample.value)
        return found

    def lines(self) -> list[Note]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class Workers:
    """The workers of a test, on one queue."""

    def __init__(self, python: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self._python = python
        self.settings = {
            "APP_HOST": LOOPBACK,
            "APP_WORKER_CONCURRENCY": "10",
            "APP_WORKER_RETRY_BASE_SECONDS": "0.5",
            "APP_WORKER_RETRY_CAP_SECONDS": "5",
            "APP_WORKER_SHUTDOWN_SECONDS": "30",
            **settings,
        }
        self.alive: set[Worker] = set()
        self._number = count()
        self._process = subprocess.Popen(
            [python, PROGRAM, folder],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, **settings: str) -> Worker:
        """One more."""
        log = self.folder / f"worker-{next(self._number)}.log"
        metrics, health = free_ports(2)
        ports = {"APP_METRICS_PORT": str(metrics), "APP_HEALTH_PORT": str(health)}
        pid = self.ask({"start": {**self.settings, **ports, **settings}, "log": str(log)})
        worker = Worker(self, pid, log, metrics)
        self.alive.add(worker)
        return worker

    def crashed(self) -> bool:
        """Whether one of them ended by itself."""
        return any(self.ask({"ended": worker.pid}) for worker in self.alive)

    def command(self, *words: str) -> str:
        """What `python -m orders` prints for people."""
        done = subprocess.run(
            [self._python, "-m", "orders", *words],
            env={"PATH": os.environ["PATH"], **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, command: dict[str, Any]) -> int:
        """Have the program do something."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the program ended with {self._process.wait()}"
        return int(answer)

    def close(self) -> None:
        """Kill what is left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def let_go(self) -> None:
        """Have handlers go on that hold."""
        (self.folder / "go").touch()

    @property
    def effects(self) -> set[str]:
        """Keys whose side effect happened."""
        return {path.name for path in (self.folder / "effects").iterdir()}

    def notes(self, *events: str) -> list[Note]:
        """What handlers wrote down, in order of time, with the process that did."""
        found = [
            {**json.loads(line), "pid": int(path.name)}
            for path in (self.folder / "journal").iterdir()
            for line in path.read_text().splitlines()
        ]
        return sorted((note for note in found if not events or note["event"] in events), key=lambda note: note["at"])

    def count(self, event: str) -> Counter[str]:
        """How often something happened, by key."""
        return Counter(note["key"] for note in self.notes(event))

    def logs(self) -> str:
        """Everything that workers said, for the message of a test that failed."""
        return "\n".join(f"{path.name}:\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))


def done(queue: Queue, workers: Workers) -> None:
    """Wait until nothing is left in the queue."""

    def empty() -> bool:
        assert not workers.crashed(), workers.logs()
        return queue.left() == 0

    eventually(empty, lambda: f"{queue.left()} messages left\n{workers.logs()}")


@contextmanager
def open_workers(python: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[Workers]:
    """Workers that do not outlive the test."""
    workers = Workers(python, folder, settings)
    try:
        yield workers
    finally:
        workers.close()
