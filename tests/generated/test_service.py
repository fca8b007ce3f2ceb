"""The generated web_api service: its own tests and linters, and the real process over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from standardized_modules.engines.running import free_ports
from tests.conftest import run_sm
from tests.generated.conftest import make


class Server:
    """`python -m orders` and a way to ask it."""

    def __init__(self, service: Path, **settings: str) -> None:
        self.port, self.metrics_port = free_ports(2)
        self.log = service / f"server-{self.port}.log"
        variables = {
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(self.port),
            "APP_METRICS_PORT": str(self.metrics_port),
            "APP_DRAIN_DELAY_SECONDS": "1",
            **settings,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [service / ".venv/bin/python", "-m", "orders"],
                cwd=service,
                env={"PATH": os.environ["PATH"], **variables},
                stdout=log,
                stderr=log,
            )

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, port: int | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        with contextlib.closing(connection):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            # An answer may come, and the connection go, before all of the body was sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, names)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(OSError):
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready within 30 s: {self.log.read_text()}")

    def lines_of(self, request_id: str) -> list[dict[str, object]]:
        """The log lines of a request, which are written after its answer was sent: waits for the first."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            *complete, _ = self.log.read_text().split("\n")
            found = [line for line in map(json.loads, complete) if line.get("request_id") == request_id]
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no line of request {request_id} within 30 s: {self.log.read_text()}")


@contextlib.contextmanager
def running(service: Path, **settings: str) -> Iterator[Server]:
    server = Server(service, **settings)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server(installed_service: Path) -> Iterator[Server]:
    with running(installed_service, APP_MAX_BODY_BYTES="2048", APP_RATE_LIMIT_REQUESTS="100000") as started:
        yield started


def test_its_own_tests_pass(installed_service: Path) -> None:
    done = make(installed_service, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"=+ \d{3} passed in [\d.]+s", done.stdout), "all of them, and none skipped"


def test_its_own_linters_and_type_checker_pass(installed_service: Path) -> None:
    done = make(installed_service, "lint")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["ab", "a-very-long-service-name"])
def test_linters_pass_for_any_length_of_name(installed_service: Path, tmp_path: Path, name: str) -> None:
    done = run_sm("create-microservice", name, "--pattern", "web_api", "--cloud", "aws", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tools = installed_service / ".venv/bin"
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["yamllint", "--strict", "."]):
        linted = subprocess.run(
            [tools / command[0], *command[1:]], cwd=tmp_path / name, capture_output=True, text=True, check=False
        )
        assert linted.returncode == 0, linted.stdout + linted.stderr


def test_its_own_tests_pass_with_values_at_their_bounds(installed_service: Path, tmp_path: Path) -> None:
    """The service's tests are about its behaviour, not about the defaults they were written with."""
    values = ("rate_limit.requests=1", "http.request_timeout=1", "http.max_body=1024", "http.drain_delay=10",
              "slo.latency=100", "telemetry.trace_sample_ratio=0", "telemetry.log_level=ERROR")  # fmt: skip
    settings = [part for value in values for part in ("--set", value)]
    done = run_sm("create-microservice", "orders", "--pattern", "web_api", "--cloud", "aws", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    service = tmp_path / "orders"
    tested = subprocess.run(
        [installed_service / ".venv/bin/python", "-m", "pytest", "-q"],
        cwd=service,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(service / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_probes(server: Server) -> None:
    for path in ("/livez", "/readyz", "/startupz"):
        assert server.ask("GET", path)[0] == 200, path


def test_security_headers_and_request_id(server: Server) -> None:
    _, headers, _ = server.ask("GET", "/v1/items", X_Request_ID="caller-chose-this")
    assert headers["x-request-id"] == "caller-chose-this"
    assert headers["x-content-type-options"] == "nosniff"
    assert "max-age=" in headers["strict-transport-security"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    _, headers, _ = server.ask("GET", "/v1/items", X_Request_ID="not allowed: \t")
    assert headers["x-request-id"] != "not allowed: \t"


def test_errors_are_problems(server: Server) -> None:
    for method, path, expected in (("GET", "/nothing", 404), ("PUT", "/v1/items", 405), ("POST", "/v1/items", 422)):
        status, headers, body = server.ask(method, path, b"{}" if method == "POST" else None,
                                           Content_Type="application/json", Idempotency_Key="k-1")  # fmt: skip
        problem = json.loads(body)
        assert (status, problem["status"]) == (expected, expected)
        assert headers["content-type"].startswith("application/problem+json")


def test_a_body_over_the_limit_is_refused_with_and_without_a_length(server: Server) -> None:
    assert server.ask("POST", "/v1/items", b"x" * 4096, Content_Type="application/json")[0] == 413
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        chunks = iter([b"x" * 1024] * 4)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", "/v1/items", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_metrics_are_on_a_port_of_their_own(server: Server) -> None:
    assert server.ask("GET", "/metrics")[0] == 404
    server.ask("GET", "/v1/items")
    status, _, body = server.ask("GET", "/metrics", port=server.metrics_port)
    assert status == 200
    assert b'http_requests_total{method="GET",route="/v1/items",status="200"}' in body
    assert b"http_request_duration_seconds_bucket" in body
    assert b"readyz" not in body


def test_the_log_is_json_with_ids(server: Server) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    server.ask("GET", "/v1/items", X_Request_ID="find-me", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    (line,) = server.lines_of("find-me")
    assert line["trace_id"] == trace


def test_a_client_over_its_limit_gets_429_with_standard_headers(installed_service: Path) -> None:
    with running(installed_service, APP_RATE_LIMIT_REQUESTS="3", APP_RATE_LIMIT_WINDOW_SECONDS="60",
                 APP_TRUSTED_PROXY_HOPS="1") as limited:  # fmt: skip
        answers = [limited.ask("GET", "/v1/items", X_Forwarded_For="1.2.3.4, 203.0.113.7") for _ in range(4)]
        assert [status for status, _, _ in answers] == [200, 200, 200, 429]
        _, headers, body = answers[-1]
        assert int(headers["retry-after"]) > 0
        assert "ratelimit" in headers
        assert "ratelimit-policy" in headers
        assert json.loads(body)["status"] == 429
        forged = limited.ask("GET", "/v1/items", X_Forwarded_For="9.9.9.9, 203.0.113.7")
        assert forged[0] == 429, "only the entry that our own proxy appended counts"
        assert limited.ask("GET", "/v1/items", X_Forwarded_For="203.0.113.8")[0] == 200
        assert limited.ask("GET", "/readyz")[0] == 200, "probes are never limited"


def test_sigterm_drains_and_loses_no_request(installed_service: Path) -> None:
    """Clients behave as behind a load balancer: they go elsewhere once the pod says that it drains.

    One slow upload began before the signal and ends after the server stopped accepting.
    """
    with running(installed_service, APP_DRAIN_DELAY_SECONDS="1", APP_RATE_LIMIT_REQUESTS="0") as server:
        answered: list[int] = []
        failed: list[str] = []

        def client(number: int) -> None:
            for attempt in itertools.count():
                try:
                    body = json.dumps({"name": f"item {number}"}).encode()
                    status, headers, _ = server.ask("POST", "/v1/items", body, Content_Type="application/json",
                                                    Idempotency_Key=f"client-{number}-{attempt}")  # fmt: skip
                except OSError as problem:
                    failed.append(repr(problem))
                    return
                answered.append(status)
                if headers.get("connection") == "close":
                    return

        slow = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        slow.putrequest("POST", "/v1/items")
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": "15",
            "Idempotency-Key": "slow",
        }.items():
            slow.putheader(name, value)
        slow.endheaders(b'{"name": ')
        clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for each in clients:
            each.start()
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        status, headers, _ = server.ask("GET", "/readyz")
        assert status == 503, "not ready while draining"
        assert headers["connection"] == "close"
        assert server.ask("GET", "/livez")[0] == 200, "alive while draining"
        for each in clients:
            each.join(30)
        wait_until_refused(server.port)
        slow.send(b'"slo"}')
        assert slow.getresponse().status == 201, "in flight across the whole shutdown"
        assert server.process.wait(30) == 0
    assert failed == []
    assert set(answered) == {201}
    assert len(answered) > 50


def wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("still accepting 30 s after SIGTERM")


def test_a_wrong_setting_is_explained_and_stops_the_process(installed_service: Path) -> None:
    done = subprocess.run(
        [installed_service / ".venv/bin/python", "-m", "orders"],
        env={"PATH": os.environ["PATH"], "APP_PORT": "eighty"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 78
    assert "APP_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_service_does_not_need_sm(installed_service: Path) -> None:
    found = subprocess.run(
        [installed_service / ".venv/bin/python", "-c", "import standardized_modules"],
        cwd=installed_service,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
    )
    assert found.returncode == 1
    without_records = installed_service.parent / "without-records"
    shutil.copytree(installed_service, without_records, ignore=shutil.ignore_patterns(".sm", "sm.yaml", ".venv"))
    (without_records / ".venv").symlink_to(installed_service / ".venv")
    done = make(without_records, "test")
    assert done.returncode == 0, done.stdout + done.stderr
