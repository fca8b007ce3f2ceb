"""The real process: it starts, answers its probes, takes tasks, and stops in order."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import invoices

PACKAGE = invoices.__name__
ROOT = Path(__file__).parent.parent


def _free_ports() -> tuple[int, int]:
    """Two different ones: both are taken before either is given back."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


@dataclass
class Process:
    """A running worker, and ways to ask it."""

    process: asyncio.subprocess.Process
    health_port: int
    metrics_port: int
    log: Path

    async def ask(self, path: str, port: int | None = None, body: bytes | None = None) -> int:
        """The status of an answer."""
        return (await asyncio.to_thread(_ask, port or self.health_port, path, body))[0]

    async def metrics(self) -> str:
        """What Prometheus would scrape."""
        return (await asyncio.to_thread(_ask, self.metrics_port, "/metrics", None))[1]

    async def ready(self) -> bool:
        """Whether it answers, and says that it is ready."""
        try:
            return await self.ask("/readyz") == 200
        except OSError:
            return False  # Not yet, or not any more.

    async def busy(self) -> bool:
        """Whether a task is in flight."""
        return "tasks_in_flight 1.0" in await self.metrics()

    async def stuck(self) -> bool:
        """Whether the platform would restart it."""
        return await self.ask("/livez") == 503

    def messages(self) -> list[str]:
        """What the log says; every line must be JSON."""
        return [json.loads(line)["message"] for line in self.log.read_text().splitlines()]


def _ask(port: int, path: str, body: bytes | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@contextlib.asynccontextmanager
async def running(log: Path, *arguments: str, **settings: str) -> AsyncIterator[Process]:
    """The process on free ports, ready for work; killed at the end if it still runs."""
    health, metrics = _free_ports()
    environment = os.environ | {
        "APP_HOST": "127.0.0.1",
        "APP_HEALTH_PORT": str(health),
        "APP_METRICS_PORT": str(metrics),
        **settings,
    }
    command = (sys.executable, "-m", *(arguments or (PACKAGE, "worker")))
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, stdout=output
        )
    worker = Process(process, health, metrics, log)
    try:
        await _until(worker, worker.ready)
        yield worker
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until(worker: Process, condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(400):
        assert worker.process.returncode is None, worker.messages()
        if await condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("not within 20 s")


async def test_it_works_and_stops_with_0(tmp_path: Path) -> None:
    async with running(tmp_path / "log") as worker:
        assert [await worker.ask(path) for path in ("/livez", "/startupz", "/")] == [200, 200, 404]
        metrics = await worker.metrics()
        for name in ("app_info", "tasks_in_flight", "worker_last_poll_timestamp_seconds"):
            assert f"\n{name}" in metrics
        assert 'queue_messages{state="visible"} 0.0' in metrics
        worker.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.process.wait(), 10) == 0
        assert {"working", "draining"} <= set(worker.messages())


SLOW = (b'{"seconds": 1}', "/tasks/sleep")
ENDLESS = (b'{"seconds": 60}', "/tasks/sleep")


async def test_a_task_in_flight_at_sigterm_is_finished(tmp_path: Path) -> None:
    async with running(tmp_path / "log", "tests.slow_worker") as worker:
        assert await worker.ask(SLOW[1], body=SLOW[0]) == 202
        await _until(worker, worker.busy)
        worker.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.process.wait(), 10) == 0
        messages = worker.messages()
    assert messages.index("slept") > messages.index("draining")


async def test_ctrl_c_twice_stops_at_once_and_says_so(tmp_path: Path) -> None:
    settings = {"APP_WORKER_SHUTDOWN_SECONDS": "60"}
    async with running(tmp_path / "log", "tests.slow_worker", **settings) as worker:
        assert await worker.ask(ENDLESS[1], body=ENDLESS[0]) == 202
        await _until(worker, worker.busy)
        worker.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        assert await worker.ask("/readyz") == 503
        worker.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(worker.process.wait(), 10) == 1
        assert "stopping with handlers cut off" in worker.messages()


async def test_a_handler_that_blocks_is_seen(tmp_path: Path) -> None:
    settings = {"APP_WORKER_STALL_SECONDS": "0.2", "APP_WORKER_SHUTDOWN_SECONDS": "0"}
    async with running(tmp_path / "log", "tests.slow_worker", **settings) as worker:
        assert await worker.ask(ENDLESS[1], body=ENDLESS[0]) == 202
        await _until(worker, worker.stuck)
        worker.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.process.wait(), 10) == 0


async def test_the_in_process_queue_is_for_local_runs_alone() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", PACKAGE, "worker"),
        cwd=ROOT,
        env=os.environ | {"APP_ENVIRONMENT": "prod"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 78
    assert b"no broker is configured" in output


async def test_a_task_that_wants_more_attempts_than_the_broker_allows_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.slow_worker"),
        cwd=ROOT,
        env=os.environ | {"APP_QUEUE_MAX_DELIVERIES": "19"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 78
    said = json.loads(output.splitlines()[-1])
    assert said["message"] == "tasks want more attempts than the broker allows"
    [fault] = said["tasks"]
    assert fault.startswith("persist wants 20 attempts, ")
    assert fault.endswith("raise worker.max_attempts in sm.yaml")


@pytest.mark.parametrize("setting", ["APP_HEALTH_PORT", "APP_METRICS_PORT"])
async def test_a_port_that_is_taken_is_named(setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        health, metrics = _free_ports()
        ports = {"APP_HEALTH_PORT": str(health), "APP_METRICS_PORT": str(metrics)}
        ports[setting] = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PACKAGE, "worker"),
            cwd=ROOT,
            env=os.environ | ports | {"APP_HOST": "127.0.0.1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")
    last = json.loads(out.splitlines()[-1])
    assert last["level"] == "CRITICAL"
    assert f"{ports[setting]} ({setting})" in last["message"]
