"""The metrics that alerts and the dashboard are built on."""

import urllib.request

import pytest
from httpx import AsyncClient

from accounts.metrics import metrics_server
from accounts.settings import Settings
from tests.observing import sample
from tests.support import client_for, misbehaving

ROUTE = "/v1/things/{number}"


async def test_requests_are_counted_by_template_with_all_prefixes() -> None:
    before = sample("http_requests_total", method="GET", route=ROUTE, status="200")
    timed = sample("http_request_duration_seconds_count", method="GET", route=ROUTE)
    async with client_for(Settings(), misbehaving) as client:
        for number in range(3):
            await client.get(f"/v1/things/{number}")
    assert sample("http_requests_total", method="GET", route=ROUTE, status="200") == before + 3
    assert sample("http_request_duration_seconds_count", method="GET", route=ROUTE) == timed + 3


async def test_unknown_paths_and_methods_make_no_new_series(client: AsyncClient) -> None:
    labels = {"method": "_OTHER", "route": "unmatched", "status": "404"}
    before = sample("http_requests_total", **labels)
    await client.request("BREW", "/a")
    await client.request("CHILL", "/b")
    assert sample("http_requests_total", **labels) == before + 2


async def test_errors_count_as_500() -> None:
    labels = {"method": "GET", "route": f"{ROUTE}/crash", "status": "500"}
    before = sample("http_requests_total", **labels)
    async with client_for(Settings(), misbehaving) as client:
        await client.get("/v1/things/1/crash")
    assert sample("http_requests_total", **labels) == before + 1


async def test_probes_are_not_counted(client: AsyncClient) -> None:
    await client.get("/livez")
    assert sample("http_requests_total", method="GET", route="/livez", status="200") == 0


async def test_requests_are_in_flight_and_probes_are_not() -> None:
    seen = []

    async def check() -> None:
        seen.append(sample("http_requests_in_flight"))

    async def look() -> None:
        await check()

    async with client_for(Settings(), lambda app, _: app.add_api_route("/look", look)) as client:
        client.app.state.health.add("look", check)  # type: ignore[attr-defined]  # set by support.py
        await client.get("/look")
        await client.get("/readyz")
    assert seen == [1, 0]


async def test_an_answer_that_broke_off_counts_as_500() -> None:
    labels = {"method": "POST", "route": "/v1/things/broken-stream", "status": "500"}
    before = sample("http_requests_total", **labels)
    async with client_for(Settings(), misbehaving) as client:
        with pytest.raises(RuntimeError, match="in the middle"):
            await client.post("/v1/things/broken-stream")
    assert sample("http_requests_total", **labels) == before + 1


async def test_nothing_stays_in_flight(client: AsyncClient) -> None:
    await client.get("/v1/none")
    assert sample("http_requests_in_flight") == 0


def test_the_latency_objectives_are_bucket_bounds(free_port: int) -> None:
    with metrics_server("127.0.0.1", free_port):
        url = f"http://127.0.0.1:{free_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    assert "http_requests_in_flight 0.0" in text
    assert 'app_info{version="' in text
    assert "_created" not in text
    assert all(f'le="{bound}"' in text for bound in ("0.1", "0.25", "0.5", "1.0", "2.5", "5.0"))
