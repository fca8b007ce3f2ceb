"""Probes and the registry of checks behind readiness."""

import asyncio

import pytest
from httpx import AsyncClient

from order_events_api.app import create_app
from order_events_api.settings import Settings
from tests.support import client_for


async def _works() -> None:
    return None


async def _fails() -> None:
    raise ConnectionError("refused")


async def _hangs() -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_a_started_service_is_well(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def test_it_is_alive_but_not_ready_before_start_up_is_over() -> None:
    app = create_app(Settings())
    async with client_for(Settings()) as client:
        client.app = app  # type: ignore[attr-defined]  # set by support.py
    lifecycle = app.state.lifecycle
    assert lifecycle.phase == "starting"


async def test_draining_turns_readiness_off_and_asks_for_other_connections() -> None:
    async with client_for(Settings()) as client:
        client.app.state.lifecycle.draining = True  # type: ignore[attr-defined]  # set by support.py
        ready, alive = await client.get("/readyz"), await client.get("/livez")
    assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
    assert alive.status_code == 200
    assert ready.headers["connection"] == "close"


async def test_the_log_names_the_dependency_that_does_not_work_and_the_answer_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client_for(Settings()) as client:
        health = client.app.state.health  # type: ignore[attr-defined]  # set by support.py
        health.add("search", _fails)
        health.add("mail", _works)
        health.add("broker", _hangs, timeout=0.01)
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    failed = {vars(record)["check"] for record in caplog.records if "check" in vars(record)}
    assert failed == {"search", "broker"}
