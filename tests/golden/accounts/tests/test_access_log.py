"""One line a request, with its ids, and not to be forged."""

import json
import logging
from collections.abc import Callable

import pytest

from accounts.access_log import NAME
from accounts.settings import Settings
from tests.observing import Lines
from tests.support import client_for, misbehaving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_each_request_is_one_access_line(start: Callable[[], Lines]) -> None:
    lines = start()
    headers = {"x-request-id": "r2", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/5?token=secret", headers=headers)
        await client.get("/livez")
    [entry] = lines.read(NAME)
    assert entry["request_id"] == "r2"
    assert entry["trace_id"] == TRACE
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/v1/things/5", 200)
    assert entry["route"] == "/v1/things/{number}"
    assert entry["client"] == "192.0.2.1"
    assert isinstance(entry["duration_ms"], float)
    assert "secret" not in json.dumps(entry)


@pytest.mark.parametrize(
    "bad",
    [
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"01-{TRACE}-00f067aa0ba902b7-01more",
    ],
)
async def test_a_traceparent_that_is_not_valid_is_ignored(
    start: Callable[[], Lines], bad: str
) -> None:
    lines = start()
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/5", headers={"traceparent": bad})
        later_version = f"01-{TRACE}-00f067aa0ba902b7-01-more"
        await client.get("/v1/things/5", headers={"traceparent": later_version})
    first, second = lines.read(NAME)
    assert "trace_id" not in first
    assert second["trace_id"] == TRACE


async def test_an_answer_that_broke_off_is_logged_as_such(start: Callable[[], Lines]) -> None:
    lines = start()
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/5")
        with pytest.raises(RuntimeError):
            await client.post("/v1/things/broken-stream")
    whole, broken = lines.read(NAME)
    assert "aborted" not in whole
    assert (broken["status"], broken["aborted"]) == (500, "service")


async def test_a_path_cannot_forge_a_line(start: Callable[[], Lines]) -> None:
    lines = start()
    path = '/v1/"}%0A{"level":"ERROR","logger":"x"}%00\u00e9'
    async with client_for(Settings(), misbehaving) as client:
        await client.get(path)
    [entry] = lines.read(NAME)
    assert entry["status"] == 404
    assert "\n" in str(entry["path"])


async def test_a_crash_is_logged_with_the_request_id(start: Callable[[], Lines]) -> None:
    lines = start()
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/5/crash", headers={"x-request-id": "r3"})
    [entry] = lines.read("accounts.middleware.request_context")
    assert entry["request_id"] == "r3"
    assert "boom 5" in str(entry["stack"])


async def test_the_access_log_can_be_turned_off(start: Callable[[], Lines]) -> None:
    lines = start()
    logging.getLogger(NAME).setLevel(logging.WARNING)
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/5")
    logging.getLogger(NAME).setLevel(logging.NOTSET)
    assert lines.read(NAME) == []
