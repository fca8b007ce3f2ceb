"""The service as a process, and clients that ask it all the time."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from standardized_modules.engines.running import LOOPBACK, free_port
from tests.generated.data.servers import PATIENCE, eventually


class Answer(Struct, frozen=True):
    """What came back, and when."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    text: str
    began: float
    seconds: float

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


class Api:
    """A process of the service.

    Args:
        service: Its folder, with a virtual environment.
        log: Where its lines go.
        settings: Beside those of a local run.
        program: What runs it.
    """

    def __init__(
        self, service: Path, log: Path, settings: Mapping[str, str], program: Sequence[str | Path] = ("-m", "orders")
    ) -> None:
        self.port, self.metrics_port, self.log = free_port(), free_port(), log
        variables = {
            "PATH": os.environ["PATH"],
            "APP_ENVIRONMENT": "local",
            "APP_HOST": LOOPBACK,
            "APP_PORT": str(self.port),
            "APP_METRICS_PORT": str(self.metrics_port),
            "APP_DRAIN_DELAY_SECONDS": "0",
            "APP_RATE_LIMIT_REQUESTS": "1000000",
            **settings,
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [service / ".venv/bin/python", *program],
                cwd=service,
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def ask(self, method: str, path: str, body: Any = None, *, port: int = 0, **headers: str) -> Answer:
        """One request on a connection of its own; headers with `_` for `-`."""
        began = time.monotonic()
        with closing(http.client.HTTPConnection(LOOPBACK, port or self.port, timeout=PATIENCE)) as connection:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            if body is not None:
                given["Content-Type"] = "application/json"
            connection.request(method, path, None if body is None else json.dumps(body), given)
            response = connection.getresponse()
            text = response.read().decode()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, text, began, time.monotonic() - began)

    def together(self, number: int, ask: Callable[[int], Answer]) -> list[Answer]:
        """Many requests at one moment."""
        start = threading.Barrier(number)

        def one(index: int) -> Answer:
            start.wait(PATIENCE)
            return ask(index)

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(one, range(number)))

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.ask("GET", "/metrics", port=self.metrics_port).text.splitlines():
            found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if found and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', found[1] or "")).items():
                total += float(found[2])
        return total

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self._probe("/readyz")

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._probe("/livez")

    def _probe(self, path: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("GET", path).status == http.client.OK
        except OSError:
            return False

    def lines(self) -> list[Any]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def open_api(
    service: Path,
    log: Path,
    settings: Mapping[str, str],
    program: Sequence[str | Path] = ("-m", "orders"),
    *,
    ready: bool = True,
    survives: bool = True,
) -> Iterator[Api]:
    """The service as long as the context lasts; then it must end in order.

    Args:
        service: Its folder.
        log: Where its lines go.
        settings: Beside those of a local run.
        program: What runs it.
        ready: Whether to wait until it can serve, and not just until it lives.
        survives: Whether it is there at the end, and not killed by the test.
    """
    api = Api(service, log, settings, program)
    try:
        eventually(api.is_ready if ready else api.is_alive, log.read_text)
        yield api
        if survives:
            api.process.send_signal(signal.SIGTERM)
            assert api.process.wait(PATIENCE) == 0, log.read_text()
    finally:
        api.process.kill()
        api.process.wait()


class Load:
    """What clients got that asked one request after the other."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.broken: list[BaseException] = []
        self._ends = threading.Event()

    def run(self, ask: Callable[[], Answer]) -> None:
        """One client, until the end."""
        while not self._ends.is_set():
            try:
                answer = ask()
                self.answers.append(answer)
                if answer.status == 503:
                    # As long as a thread takes to be asked again by a client in the same building: more would
                    # only measure how many refusals a second this machine can write.
                    self._ends.wait(0.05)
            except BaseException as problem:
                self.broken.append(problem)
                raise

    def end(self) -> None:
        """No more requests."""
        self._ends.set()

    def statuses(self, since: float = 0.0) -> Counter[int]:
        """How often each came."""
        return Counter(each.status for each in self.answers if each.began >= since)

    def await_more(self, number: int, status: int) -> None:
        """Wait for some more answers of a status that were asked for from now on."""
        now = time.monotonic()
        eventually(
            lambda: self.statuses(now)[status] >= number, lambda: f"{number} times {status}: {self.statuses(now)}"
        )


@contextmanager
def load(*clients: Callable[[], Answer], times: int = 1) -> Iterator[Load]:
    """Clients that ask as long as the context lasts; none of them may be left without an answer."""
    running = Load()
    threads = [threading.Thread(target=running.run, args=(each,)) for each in clients * times]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.end()
        for thread in threads:
            thread.join(PATIENCE)
    assert not running.broken, running.broken
    assert not any(thread.is_alive() for thread in threads), "a request is not answered"


def check_only(answers: Sequence[Answer], *allowed: int, api: Api | None = None) -> None:
    """No client sees any other status, and a 503 says when to come back."""
    wrong = [each for each in answers if each.status not in allowed]
    if wrong:
        named = wrong[0].headers.get("x-request-id", "")
        told = [line for line in api.lines() if line.get("request_id") == named] if api and named else []
        raise AssertionError(f"{len(wrong)} wrong ones, {wrong[0]}, {told}")
    assert all(int(each.headers["retry-after"]) >= 1 for each in answers if each.status == 503)
