"""The worker's probes, and the small server that answers them."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from parcels.health import HealthChecks
from parcels.worker import responder, vitals
from parcels.worker.equipment import Equipment
from parcels.worker.local import LocalDoor
from parcels.worker.probes import Probes
from parcels.worker.responder import Answer, responding
from tests.bench import Seen, noting, working


@pytest.fixture
async def equipment() -> AsyncIterator[Equipment]:
    """Of a worker that runs."""
    async with working(noting(Seen())) as bench:
        bench.equipment.lifecycle.started = True
        yield bench.equipment


async def status(equipment: Equipment, path: str, method: str = "GET") -> int:
    """What a probe is told."""
    checks = HealthChecks(remember_seconds=0)
    checks.add("queue", equipment.reachability.check)
    return (await Probes(equipment, checks).respond(method, path, b""))[0]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_a_worker_that_runs_is_well(equipment: Equipment, path: str) -> None:
    assert await status(equipment, path) == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"), [("GET", "/", 404), ("POST", "/livez", 405)]
)
async def test_nothing_else_is_answered(
    equipment: Equipment, method: str, path: str, expected: int
) -> None:
    assert await status(equipment, path, method) == expected


async def test_it_is_alive_but_not_ready_before_start_up_is_over(equipment: Equipment) -> None:
    equipment.lifecycle.started = False
    assert await status(equipment, "/livez") == 200
    assert await status(equipment, "/startupz") == 503
    assert await status(equipment, "/readyz") == 503


async def test_draining_turns_readiness_off_and_liveness_not(equipment: Equipment) -> None:
    equipment.lifecycle.draining = True
    assert (await status(equipment, "/livez"), await status(equipment, "/readyz")) == (200, 503)


async def test_a_broker_that_is_away_is_no_reason_to_restart(equipment: Equipment) -> None:
    equipment.reachability.failed("queue")
    assert (await status(equipment, "/livez"), await status(equipment, "/readyz")) == (200, 503)
    equipment.reachability.works("queue")
    assert await status(equipment, "/readyz") == 200


async def test_a_stuck_handler_is_a_reason_to_restart(
    equipment: Equipment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    equipment.vitals.rest()
    later = asyncio.get_running_loop().time() + equipment.settings.worker_stall_seconds + 1
    with equipment.vitals.running("note"):
        assert await status(equipment, "/livez") == 200
        monkeypatch.setattr(vitals, "_now", lambda: later)
        assert await status(equipment, "/livez") == 503
    assert await status(equipment, "/livez") == 200
    assert "stuck: note" in caplog.text


async def test_a_loop_that_receives_no_more_is_a_reason_to_restart(
    equipment: Equipment, monkeypatch: pytest.MonkeyPatch
) -> None:
    equipment.vitals.beat()
    later = asyncio.get_running_loop().time() + 121
    monkeypatch.setattr(vitals, "_now", lambda: later)
    assert await status(equipment, "/livez") == 503
    equipment.vitals.rest()
    assert await status(equipment, "/livez") == 200


async def test_the_door_into_the_in_process_queue() -> None:
    seen = Seen()
    async with working(noting(seen)) as bench:
        door = LocalDoor(bench.tasks, Probes(bench.equipment, HealthChecks()).respond)
        assert (await door.respond("GET", "/livez", b""))[0] == 200
        assert (await door.respond("GET", "/tasks/note", b""))[0] == 405
        assert (await door.respond("POST", "/tasks/nothing", b"{}"))[0] == 404
        code, invalid = await door.respond("POST", "/tasks/note", b'{"text": 1}')
        assert (code, invalid["status"]) == (422, "invalid")
        large = b'{"text": "%s"}' % (b"x" * 300_000)
        assert (await door.respond("POST", "/tasks/note", large))[0] == 422
        code, answer = await door.respond("POST", "/tasks/note", b'{"text": "hello"}')
        assert code == 202
        assert (await door.respond("POST", "/tasks/note/ada", b'{"text": "hello"}'))[0] == 422
        await bench.until_empty()
    assert seen.texts == ["hello"]
    assert seen.contexts[0].idempotency_key == answer["idempotency_key"]


async def test_through_the_door_into_an_ordered_queue_goes_a_group() -> None:
    seen = Seen()
    async with working(noting(seen), queue_ordered=True) as bench:
        door = LocalDoor(bench.tasks, Probes(bench.equipment, HealthChecks()).respond)
        assert (await door.respond("POST", "/tasks/note", b'{"text": "hello"}'))[0] == 422
        assert (await door.respond("POST", "/tasks/note/a%2Fb", b'{"text": "hello"}'))[0] == 202
        await bench.until_empty()
    assert seen.texts == ["hello"]


async def echo(method: str, path: str, body: bytes) -> Answer:
    """Answers with the question."""
    return 200, {"method": method, "path": path, "body": body.decode()}


async def ask(port: int, request: bytes, *, end: bool = True) -> tuple[int, dict[str, object]]:
    """Send raw bytes; 0 when the connection is closed without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if end:
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    if not answer:
        return 0, {}
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    return int(head.split(b" ")[1]), json.loads(body)


HOST = b"Host: x\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /livez?now=1 HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"POST /a HTTP/1.1\r\nContent-Length: 11\r\n\r\n" + b"x" * 11, 413),
        (b"POST /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\na", 0),
        (b"GET / HT", 0),
    ],
)
async def test_the_server_knows_requests_from_nonsense(
    free_port: int, request_bytes: bytes, expected: int
) -> None:
    async with responding("127.0.0.1", free_port, echo, max_body=10):
        code, answer = await ask(free_port, request_bytes)
    assert code == expected
    if code == 200:
        assert answer["path"] in {"/livez", "/a"}


async def test_who_says_nothing_is_not_waited_for(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responder, "TIMEOUT_SECONDS", 0.05)
    async with responding("127.0.0.1", free_port, echo):
        assert (await ask(free_port, b"GET /", end=False))[0] == 0
        assert (await ask(free_port, b"GET / HTTP/1.1\r\n\r\n"))[0] == 200
