"""The generated background_worker service, alone and beside web_api: its own tests and linters."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import run_sm
from tests.generated.conftest import make, make_environment

SERVICES = {
    "worker-ordered-aws": ("--pattern", "background_worker", "--cloud", "aws", "--set", "queue.ordered=true"),
    "worker-azure": ("--pattern", "background_worker", "--cloud", "azure"),
    "both-aws": ("--pattern", "web_api", "--pattern", "background_worker", "--cloud", "aws"),
    "both-ordered-azure": (
        "--pattern",
        "web_api",
        "--pattern",
        "background_worker",
        "--cloud",
        "azure",
        "--set",
        "queue.ordered=true",
    ),
}
"""Any two of cloud, order and what is beside the worker occur together."""


@pytest.mark.long
@pytest.mark.parametrize("options", SERVICES.values(), ids=SERVICES)
def test_its_own_tests_linters_and_type_checker_pass(options: tuple[str, ...], tmp_path: Path) -> None:
    made = run_sm("create-microservice", "orders", *options, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    tested = make(tmp_path / "orders", "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"=+ \d{3} passed in [\d.]+s", tested.stdout), "all of them, and none skipped"
    linted = make(tmp_path / "orders", "lint")
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_api_and_worker_run_side_by_side(tmp_path: Path) -> None:
    """Both read one file of settings, and still no port is taken twice."""
    made = run_sm("create-microservice", "orders", *SERVICES["both-aws"], cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    service = tmp_path / "orders"
    example = (service / ".env.example").read_text(encoding="utf-8")
    ports = dict(re.findall(r"^(APP_(?:[A-Z]+_)?PORT)=(\d+)$", example, re.M))
    default = re.search(r"^WORKER_METRICS_PORT \?= (\d+)$", (service / "Makefile").read_text(encoding="utf-8"), re.M)
    assert default
    assert len({*ports.values(), default[1]}) == len(ports) + 1 == 4

    # The same on ports that are free here, whatever else this machine runs.
    worker_metrics, *free = free_ports(4)
    own = dict(zip(ports, free, strict=True))
    (service / ".env").write_text(
        re.sub(r"^(APP_(?:[A-Z]+_)?PORT)=\d+$", lambda m: f"{m[1]}={own[m[1]]}", example, flags=re.M)
    )
    installed = make(service, "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    with ExitStack() as stack:
        for target in ("run", "run-worker"):
            stack.enter_context(running(service, target, f"WORKER_METRICS_PORT={worker_metrics}"))
        for port, path in (
            (own["APP_PORT"], "/readyz"),
            (own["APP_METRICS_PORT"], "/metrics"),
            (own["APP_HEALTH_PORT"], "/readyz"),
            (worker_metrics, "/metrics"),
        ):
            assert answers(f"http://127.0.0.1:{port}{path}"), (port, path)


def free_ports(count: int) -> list[int]:
    """Different ports that nothing listens on."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in listeners]


@contextmanager
def running(service: Path, *arguments: str) -> Iterator[None]:
    """A target of the Makefile that runs until the end of the block."""
    with (service.parent / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            ["make", *arguments],
            cwd=service,
            env=make_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def answers(url: str) -> bool:
    """Whether something there says 200 within half a minute."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 our own process
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.1)
    return False
