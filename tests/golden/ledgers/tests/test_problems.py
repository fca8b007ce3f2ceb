"""Every failure is a problem (RFC 9457) with a request id."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from ledgers.settings import Settings
from tests.support import client_for, misbehaving


def check(answer: httpx.Response, status: int) -> dict[str, object]:
    """The problem in an answer, after checking what all have in common."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["type"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/none", 404),
        ("PUT", "/v1/things/1", 405),
        ("GET", "/v1/things/one", 422),
        ("GET", "/v1/things/1/conflict", 409),
        ("GET", "/v1/things/1/crash", 500),
        ("POST", "/v1/things/own-timeout", 500),
        ("GET", "/v1/things/slow/9", 504),
    ],
)
async def test_each_failure_is_a_problem(method: str, path: str, status: int) -> None:
    async with client_for(Settings(request_timeout_seconds=0.05), misbehaving) as client:
        check(await client.request(method, path), status)


async def test_what_crashed_stays_inside() -> None:
    async with client_for(Settings(), misbehaving) as client:
        answer = await client.get("/v1/things/7/crash")
    assert "boom" not in answer.text


async def test_a_problem_carries_its_kind_and_members() -> None:
    async with client_for(Settings(), misbehaving) as client:
        problem = check(await client.get("/v1/things/7/conflict"), 409)
    assert problem["type"] == "https://example.com/taken"
    assert problem["detail"] == "Already there."
    assert problem["number"] == 7


async def test_405_says_what_is_allowed() -> None:
    async with client_for(Settings(), misbehaving) as client:
        assert (await client.put("/v1/things/1")).headers["allow"] == "GET"


class _Body(BaseModel):
    name: str
    sizes: dict[str, int]


def _accepts_body(app: FastAPI, _: Settings) -> None:
    async def echo(body: _Body, limit: int = 1) -> int:
        return len(body.name) * limit

    app.add_api_route("/echo", echo, methods=["POST"])


async def test_invalid_input_is_located_and_not_repeated() -> None:
    async with client_for(Settings(), _accepts_body) as client:
        answer = await client.post(
            "/echo?limit=secret", json={"name": "x", "sizes": {"a/b": "secret"}}
        )
    errors = check(answer, 422)["errors"]
    assert isinstance(errors, list)
    assert {"#/sizes/a~1b"} == {error["pointer"] for error in errors if "pointer" in error}
    assert {("query", "limit")} == {(e["in"], e["name"]) for e in errors if "in" in e}
    assert "secret" not in answer.text


async def test_a_body_that_is_no_json_is_a_problem() -> None:
    async with client_for(Settings(), _accepts_body) as client:
        headers = {"content-type": "application/json"}
        check(await client.post("/echo", content=b"{", headers=headers), 422)
