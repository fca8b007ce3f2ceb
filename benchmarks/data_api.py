"""What a read costs: the generated service, with its cache and without, against asyncpg on FastAPI.

    python benchmarks/data_api.py [--service DIR] [--seconds 1] [--rounds 10] [--write]

All servers run at once on one PostgreSQL and one Valkey and are loaded in turn, round after round.
Each answers `GET /v1/items/{id}` for the same 200 items with the same JSON, on one process of
uvicorn with uvloop and httptools. The one that is loaded has a core to itself; PostgreSQL, Valkey
and the client share the others, and what the client took of one is told.

Ratios are taken within a round; the table shows their median and range. CPU time a request is that
of the API process, from /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from web_api import cpu_seconds, free_port, generate, install, temporary, wait_until_up
from web_api_load import create_item, run_load
from web_api_report import Sample, table, update_readme

from standardized_modules.engines.carried import carried

BARE = Path(__file__).with_name("data_api_bare.py")
ITEMS = 200
POOL = 5
"""The pattern's default, for the bare server too."""
AIM_UNCACHED, AIM_CACHED = 0.6, 2.0
HITS = re.compile(r'^cache_requests_total\{cache="items",outcome="hit"\} (\S+)$', re.MULTILINE)
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int

    def hits(self) -> float:
        """How many answers came out of the cache."""
        found = HITS.search(get(f"http://127.0.0.1:{self.metrics_port}/metrics").decode())
        return float(found[1]) if found else 0.0


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 our own http URL
        content: bytes = response.read()
    return content


@contextlib.contextmanager
def engines(python: str, package: str, folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What leads to a database with the service's schema, and what leads to a cache."""
    postgresql, valkey = carried("postgresql"), carried("valkey")
    # Others may pass, not look: for root, PostgreSQL runs as somebody else.
    folder.chmod(0o711)
    with (
        postgresql.open_postgresql(folder / "postgresql") as database,
        valkey.open_valkey(folder / "valkey") as cache,
    ):
        settings = postgresql.database_settings(database, folder / "credentials", package)
        for command in (["database-roles"], ["migrate", "up"]):
            subprocess.run(
                [python, "-m", package, *command], env=os.environ | settings, check=True, stdout=subprocess.DEVNULL
            )
        yield settings, valkey.cache_settings(cache, folder / "credentials")


@contextlib.contextmanager
def started(name: str, command: list[str], settings: Mapping[str, str]) -> Iterator[Server]:
    """Run a server until the block ends; its log goes to a file, as in production to a pipe."""
    port, metrics_port = free_port(), free_port()
    own = {
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "APP_METRICS_PORT": str(metrics_port),
        "APP_DRAIN_DELAY_SECONDS": "0",
        "APP_RATE_LIMIT_REQUESTS": "0",
        "APP_TRUSTED_PROXY_HOPS": "1",
        "APP_LOG_LEVEL": "INFO",
        "APP_DATABASE_POOL_SIZE": str(POOL),
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("APP_", "OTEL_"))}
    with tempfile.TemporaryFile() as log:
        line = [str(port) if word == "PORT" else word for word in command]
        process = subprocess.Popen(line, env=environment | own | dict(settings), stdout=log, stderr=log)
        try:
            if len(CORES) > 1:
                os.sched_setaffinity(process.pid, {CORES[0]})
            wait_until_up(name, process, port)
            yield Server(name, process, port, metrics_port)
        finally:
            process.terminate()
            process.wait(timeout=30)


def measure(server: Server, paths: list[str], seconds: float) -> tuple[Sample, float]:
    """The sample, and how much of a core the client took."""
    before, own = cpu_seconds(server.process.pid), time.process_time()
    count, elapsed = run_load(server.port, paths, seconds)
    used = cpu_seconds(server.process.pid) - before
    return Sample(rate=count / elapsed, cpu_micros=used / count * 1e6), (time.process_time() - own) / elapsed


def compare(servers: list[Server], seconds: float, rounds: int) -> tuple[dict[str, list[Sample]], float]:
    """Samples of each server, and the client's greatest share of a core."""
    paths = [create_item(servers[1].port, f"pen {number}") for number in range(ITEMS)]
    for path in paths:
        answers = {get(f"http://127.0.0.1:{server.port}{path}") for server in servers for _ in range(2)}
        assert len(answers) == 1, f"they do not answer the same: {answers}"
    for server in servers:
        measure(server, paths, 1.0)  # Warm up.
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    client = 0.0
    for number in range(rounds):
        for server in servers:
            sample, share = measure(server, paths, seconds)
            samples[server.name].append(sample)
            client = max(client, share)
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return samples, client


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--service", type=Path, help="a generated data_api service; else make one")
    parser.add_argument("--python", help="interpreter with its packages; else `make install` makes one")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(temporary()))
        service = options.service or generate(folder, "data_api")
        package = next(path.parent.name for path in service.glob("src/*/__main__.py"))
        python = options.python or install(service)
        os.environ["PYTHONPATH"] = str(service / "src")
        if len(CORES) > 1:
            os.sched_setaffinity(0, CORES[1:])  # What is started from here on inherits it.
        database, cache = stack.enter_context(engines(python, package, folder))
        run = [python, "-m", package]
        # The limiter does its full work; the limit is only too high to refuse this one client.
        limits = {"APP_RATE_LIMIT_REQUESTS": "100000000"}
        servers = [
            stack.enter_context(started("bare FastAPI and asyncpg", [python, str(BARE), "PORT"], database)),
            stack.enter_context(started("service, uncached", run, database)),
            stack.enter_context(started("service, cached", run, database | cache)),
            stack.enter_context(started("service, cached, rate limits too", run, database | cache | limits)),
        ]
        samples, client = compare(servers, options.seconds, options.rounds)
        answered = {server.name: server.hits() for server in servers[1:]}
    report = table(samples) + (
        f"\n{ITEMS} items, one process each, on a core of its own; the client took {client:.0%} of another one at "
        f"most. Rate limits, where there are any, are counted in the cache.\n{options.rounds} rounds of "
        f"{options.seconds:g} s, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load average {load:.1f} "
        "before.\n"
    )
    print(report)
    if options.write:
        update_readme(Path(__file__).with_name("README.md"), report, "data_api")
    base = samples["bare FastAPI and asyncpg"]
    ratios = {name: median(s.rate / b.rate for s, b in zip(rows, base, strict=True)) for name, rows in samples.items()}
    for name, rows in samples.items():
        enough = sum(row.rate for row in rows) * options.seconds * 0.99
        if name in answered and (answered[name] >= enough) != ("uncached" not in name):
            print(f"{name}: {answered[name]:,.0f} answers from the cache, of {enough:,.0f}", file=sys.stderr)
            return 1
    met = ratios["service, uncached"] >= AIM_UNCACHED and ratios["service, cached"] >= AIM_CACHED
    print(f"aims ({AIM_UNCACHED} and {AIM_CACHED}): {'met' if met else 'MISSED'}", file=sys.stderr)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
