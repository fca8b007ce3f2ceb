"""What everything around a request costs: the generated service against bare FastAPI.

    python benchmarks/web_api.py [--service DIR] [--seconds 0.5] [--rounds 20] [--write]

Three servers run at once and are loaded in turn, round after round, so that a noisy machine hurts
all of them alike: bare FastAPI, the service with everything on, and the service that also samples
1 % of its traces to a collector (a real HTTP listener here that takes OTLP and counts it). All
answer `GET /v1/items/{id}` by the same handler, on uvicorn with uvloop and httptools, one process
each, without uvicorn's own access log.

Ratios are taken within a round; the table shows their median and range. CPU time a request comes
from /proc and is the steadier number when other work shares the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from web_api_load import create_item, run_load
from web_api_report import Sample, table, update_readme

BARE = Path(__file__).with_name("web_api_bare.py")
AIM_FULL, AIM_TRACED = 0.65, 0.5


@dataclass(frozen=True)
class Server:
    """A running server and the request to load it with."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    path: str


class Collector:
    """An OTLP/HTTP collector that accepts everything and remembers how much it got."""

    def __init__(self) -> None:
        self.requests = self.size = 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.requests += 1
                collector.size += len(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def started(name: str, command: list[str], port: int, extra: dict[str, str]) -> Iterator[Server]:
    """Run a server until the block ends; its log goes to a file, as in production to a pipe."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("APP_", "OTEL_"))}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment | extra, stdout=log, stderr=log)
        try:
            wait_until_up(name, process, port)
            yield Server(name, process, port, create_item(port))
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_up(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"the server {name!r} did not start")


def service_environment(service: Path, port: int, **extra: str) -> dict[str, str]:
    return {
        "PYTHONPATH": str(service / "src"),
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "APP_METRICS_PORT": str(free_port()),
        "APP_DRAIN_DELAY_SECONDS": "0",
        # The limiter does its full work; the limit is only too high to refuse this one client.
        "APP_RATE_LIMIT_REQUESTS": "100000000",
        # As behind a load balancer: the address is read from X-Forwarded-For.
        "APP_TRUSTED_PROXY_HOPS": "1",
        "APP_LOG_LEVEL": "INFO",
        **extra,
    }


def measure(server: Server, seconds: float) -> Sample:
    before = cpu_seconds(server.process.pid)
    count, elapsed = run_load(server.port, [server.path], seconds)
    used = cpu_seconds(server.process.pid) - before
    return Sample(rate=count / elapsed, cpu_micros=used / count * 1e6)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", type=Path, help="a generated web_api service; else make one")
    parser.add_argument("--python", help="interpreter with its packages; else `make install` makes one")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        service = options.service or generate(Path(stack.enter_context(temporary())))
        package = next(path.parent.name for path in service.glob("src/*/__main__.py"))
        python = options.python or install(service)
        collector = Collector()
        run = [python, "-m", package]
        ports = [free_port() for _ in range(3)]
        plain = service_environment(service, ports[1])
        traced = service_environment(
            service,
            ports[2],
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            APP_TRACE_SAMPLE_RATIO="0.01",
        )
        bare = [python, str(BARE), str(ports[0]), package]
        servers = [
            stack.enter_context(started("bare FastAPI", bare, ports[0], plain)),
            stack.enter_context(started("service, everything on", run, ports[1], plain)),
            stack.enter_context(started("service, 1 % traced", run, ports[2], traced)),
        ]
        for server in servers:
            measure(server, 0.5)  # Warm up.
        samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
        for number in range(options.rounds):
            for server in servers:
                samples[server.name].append(measure(server, options.seconds))
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    report = table(samples) + (
        f"\nThe collector received {collector.requests} exports, {collector.size} bytes. "
        f"{options.rounds} rounds of {options.seconds:g} s, Python {sys.version.split()[0]}, "
        f"{os.cpu_count()} cores.\n"
    )
    print(report)
    if options.write:
        update_readme(Path(__file__).with_name("README.md"), report)
    if not collector.requests:
        print("no trace reached the collector: the traced variant was not traced", file=sys.stderr)
        return 1
    base = samples["bare FastAPI"]
    ratios = {name: median(s.rate / b.rate for s, b in zip(rows, base, strict=True)) for name, rows in samples.items()}
    met = ratios["service, everything on"] >= AIM_FULL and ratios["service, 1 % traced"] >= AIM_TRACED
    print(f"aims ({AIM_FULL} and {AIM_TRACED}): {'met' if met else 'MISSED'}", file=sys.stderr)
    return 0 if met else 1


def temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sm-benchmark-")


def generate(folder: Path, pattern: str = "web_api") -> Path:
    command = ["create-microservice", "orders", "--pattern", pattern, "--cloud", "aws"]
    subprocess.run(
        [sys.executable, "-m", "standardized_modules", *command, "--output-dir", str(folder)],
        check=True,
        stdout=sys.stderr,
    )
    return next(path.parent.parent.parent for path in folder.glob("**/src/*/__main__.py"))


def install(service: Path) -> str:
    """The interpreter of the service's own virtual environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["make", "install"], cwd=service, env={**os.environ, "PATH": path}, check=True, stdout=sys.stderr)
    return str(service / ".venv/bin/python")


if __name__ == "__main__":
    sys.exit(main())
