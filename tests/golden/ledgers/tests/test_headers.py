"""Headers on every answer, whoever gives it."""

import pytest
from httpx import AsyncClient

from ledgers.settings import Settings
from tests.support import client_for, misbehaving

EXPECTED = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize("path", ["/livez", "/v1/things/1", "/v1/things/1/crash", "/none"])
async def test_every_answer_has_the_security_headers(path: str) -> None:
    async with client_for(Settings(), misbehaving) as client:
        headers = (await client.get(path)).headers
    assert EXPECTED.items() <= dict(headers).items()
    assert headers["strict-transport-security"].startswith("max-age=63072000")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


async def test_a_handler_may_choose_its_own_caching() -> None:
    async with client_for(Settings(), misbehaving) as client:
        headers = (await client.post("/v1/things/cached")).headers
    assert headers.get_list("cache-control") == ["max-age=60"]


async def test_a_good_request_id_is_kept(client: AsyncClient) -> None:
    answer = await client.get("/livez", headers={"x-request-id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"


@pytest.mark.parametrize("bad", ["", "a" * 129, 'a"b', "a b", "a\x7fb"])
async def test_a_bad_request_id_is_replaced(client: AsyncClient, bad: str) -> None:
    answer = await client.get("/livez", headers={"x-request-id": bad})
    assert len(answer.headers["x-request-id"]) == 32


async def test_request_ids_differ(client: AsyncClient) -> None:
    ids = {(await client.get("/livez")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


async def test_docs_are_off_by_default(client: AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 404
    assert (await client.get("/openapi.json")).status_code == 404


async def test_docs_have_a_policy_that_lets_them_work() -> None:
    async with client_for(Settings(docs_enabled=True)) as client:
        answer = await client.get("/docs")
        assert (await client.get("/openapi.json")).status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "'sha256-" in policy
    assert "script-src https://cdn.jsdelivr.net" in policy
    assert "/openapi.json" in answer.text
