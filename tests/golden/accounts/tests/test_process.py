"""The real process: it starts, drains on SIGTERM without losing a request, and stops."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import accounts

PACKAGE = accounts.__name__
ROOT = Path(__file__).parent.parent
DRAIN = 1.0


@dataclass
class Service:
    """A running process and a client for it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient


def _free_ports() -> tuple[int, int]:
    """Two different ones: both are taken before either is given back."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


@asynccontextmanager
async def running(
    module: str = "tests.service", log: Path = Path(os.devnull), **settings: str
) -> AsyncIterator[Service]:
    """The process on free ports, ready for requests; killed at the end if it still runs."""
    port, metrics_port = _free_ports()
    environment = os.environ | {
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "APP_METRICS_PORT": str(metrics_port),
        "APP_DRAIN_DELAY_SECONDS": str(DRAIN),
        **settings,
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, cwd=ROOT, env=environment, stdout=output
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await _until_ready(client, process)
            yield Service(process, client)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_ready(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(20):
        while process.returncode is None:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    pytest.fail(f"the service ended with exit code {process.returncode}")


async def test_sigterm_drains_and_loses_nothing() -> None:
    async with running() as service:
        slow = "/v1/things/slow/1.5"  # Longer than the drain: they end while the server stops.
        in_flight = [asyncio.create_task(service.client.get(slow)) for _ in range(20)]
        await asyncio.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        ready = await service.client.get("/readyz")
        late = [await service.client.get("/v1/things/1") for _ in range(20)]
        answers = await asyncio.gather(*in_flight)
        code = await asyncio.wait_for(service.process.wait(), 10)
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert {answer.status_code for answer in late} == {200}
    assert {answer.headers["connection"] for answer in late} == {"close"}
    assert {answer.status_code for answer in answers} == {200}
    assert code == 0


async def test_what_is_cut_off_at_the_end_of_the_grace_period_is_no_success(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running(
        log=log,
        APP_DRAIN_DELAY_SECONDS="0",
        APP_REQUEST_TIMEOUT_SECONDS="1",
        APP_SHUTDOWN_GRACE_SECONDS="1",
    ) as service:
        async with service.client.stream("POST", "/v1/things/endless") as answer:
            assert answer.status_code == 200
            service.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
        assert await asyncio.wait_for(service.process.wait(), 5) == 1
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    [entry] = [e for e in entries if e.get("path") == "/v1/things/endless"]
    assert (entry["status"], entry["aborted"]) == (500, "service")
    assert entries[-1]["message"] == "stopped with requests cut off"
    assert entries[-1]["requests"] == 1


async def test_a_second_signal_stops_at_once() -> None:
    async with running(PACKAGE, APP_DRAIN_DELAY_SECONDS="60") as service:
        service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(service.process.wait(), 5) == 1


async def _answer_to_a_body_that_never_ends(client: httpx.AsyncClient) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"POST /v1/things/size HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
    answer = await asyncio.wait_for(reader.read(), 5)  # Up to the end of the connection.
    writer.close()
    return answer


async def test_limits_hold_over_a_socket_and_ctrl_c_does_not_wait() -> None:
    async with running(
        APP_DRAIN_DELAY_SECONDS="60", APP_MAX_BODY_BYTES="10", APP_REQUEST_TIMEOUT_SECONDS="0.5"
    ) as service:
        answer = await service.client.post("/v1/things/size", content=b"x" * 11)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert "server" not in answer.headers
        late = await _answer_to_a_body_that_never_ends(service.client)
        assert late.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in late
        service.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(service.process.wait(), 5) == 0
