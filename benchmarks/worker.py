"""The generated worker against a bare receive and delete loop: the same SDK, broker and messages.

python benchmarks/worker.py [--rounds 5] [--messages 2000] [--memory 100000]

The handler does nothing, so the ratio is the price of everything around it. The broker's emulator
takes most of the time; programs run in turn on the same queue, which is as long for each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from standardized_modules.engines import Facts, open_engine
from tests.conftest import run_sm
from tests.generated.conftest import make
from tests.generated.worker.brokers import VALUES, Queue, Sqs, a_task

README = Path(__file__).with_name("README.md")
PROGRAMS = Path(__file__).with_name("worker_programs.py")
BEGIN, END = "<!-- worker: begin -->", "<!-- worker: end -->"
BACKLOG = 1000
"""Messages that wait while the long run goes on: calls of the emulator slow down with their number."""


def run(service: Path, program: str, queue: Queue, messages: int, **settings: str) -> dict[str, Any]:
    """Drain the queue with a program."""
    done = subprocess.run(
        [service / ".venv/bin/python", PROGRAMS, program, str(messages)],
        env={
            "PATH": os.environ["PATH"],
            **queue.settings,
            "APP_HOST": "127.0.0.1",
            "APP_METRICS_PORT": "19090",
            "APP_HEALTH_PORT": "18081",
            "APP_LOG_LEVEL": "WARNING",
            "APP_WORKER_CONCURRENCY": "20",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def feed(queue: Queue, messages: int) -> None:
    """Send messages as fast as they are taken."""
    sent = 0
    while sent < messages:
        if queue.left() < BACKLOG:
            queue.send(a_task("nothing") for _ in range(min(500, messages - sent)))
            sent += min(500, messages - sent)


def throughput(service: Path, broker: Sqs, folder: Path, rounds: int, messages: int) -> str:
    """A table of the programs, round by round in turn."""
    programs = {
        "bare loop": ("bare", ""),
        "worker, keys in memory": ("worker", ""),
        "worker, keys in DynamoDB": ("worker", "table"),
    }
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, (program, table) in programs.items():
            with broker.queue(folder, lock_seconds=60) as queue:
                queue.send(a_task("nothing") for _ in range(messages))
                settings = {} if table else {"APP_IDEMPOTENCY_TABLE": ""}
                samples[name].append(run(service, program, queue, messages, **settings))
    base = samples["bare loop"]
    lines = [
        "| program | messages/s | share of bare (range) | CPU µs a message |",
        "|---|--:|--:|--:|",
    ]
    for name, rows in samples.items():
        shares = [first["seconds"] / row["seconds"] for row, first in zip(rows, base, strict=True)]
        lines.append(
            f"| {name} | {messages / median(row['seconds'] for row in rows):,.0f} "
            f"| {median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f}) "
            f"| {median(row['cpu'] for row in rows) / messages * 1e6:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def memory(service: Path, broker: Sqs, folder: Path, messages: int) -> str:
    """A sentence about the resident memory of a worker while many messages pass."""
    with broker.queue(folder, lock_seconds=60) as queue:
        feeder = threading.Thread(target=feed, args=(queue, messages), daemon=True)
        feeder.start()
        report = run(service, "worker", queue, messages)
        feeder.join()
    seen = {int(number): size / 2**20 for number, size in report["memory"].items()}
    first, last = min(seen), max(seen)
    return (
        f"Resident memory of a worker: {seen[first]:.1f} MiB after {first:,} messages, {max(seen.values()):.1f} MiB "
        f"at most, {seen[last]:.1f} MiB after {last:,}.\n"
    )


def update_readme(report: str) -> None:
    """Replace the section between the markers, or append it."""
    text = README.read_text()
    section = f"{BEGIN}\n## The generated background_worker service\n\n{report}{END}\n"
    before, found, rest = text.partition(BEGIN)
    after = rest.partition(END)[2].lstrip("\n") if found else ""
    README.write_text(before.rstrip("\n") + "\n\n" + section + (f"\n{after}" if after else ""))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--memory", type=int, default=100_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        made = run_sm("create-microservice", "orders", "--pattern", "background_worker", "--cloud", "aws", cwd=folder)
        assert made.returncode == 0, made.stderr
        installed = make(folder / "orders", "install")
        assert installed.returncode == 0, installed.stdout + installed.stderr
        with open_engine("sqs", Facts("orders", "eu-west-1", VALUES), folder) as running:
            port = int(running.address.rpartition(":")[2])
            broker = Sqs(port, "eu-west-1", running.settings)
            report = throughput(folder / "orders", broker, folder, chosen.rounds, chosen.messages)
            report += "\n" + memory(folder / "orders", broker, folder, chosen.memory)
    report += (
        f"\n{chosen.rounds} rounds of {chosen.messages:,} messages, ministack, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores.\n"
    )
    print(report)
    update_readme(report)


if __name__ == "__main__":
    main()
