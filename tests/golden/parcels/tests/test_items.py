"""The example resource. Replace it together with the resource."""

import asyncio
import uuid

import pytest
from httpx import AsyncClient

from parcels.pagination import encode_cursor


async def _create(client: AsyncClient, name: str) -> str:
    answer = await client.post("/v1/items", json={"name": name})
    assert answer.status_code == 201
    return str(answer.json()["id"])


async def test_create_get_delete(client: AsyncClient) -> None:
    created = await client.post("/v1/items", json={"name": "  pen ", "quantity": 3})
    item = created.json()
    assert (item["name"], item["quantity"]) == ("pen", 3)
    location = created.headers["location"]
    assert (await client.get(location)).json() == item
    assert (await client.delete(location)).status_code == 204
    assert (await client.get(location)).status_code == 404
    assert (await client.delete(location)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": " "}, {"name": "a" * 101}, {"name": "a", "quantity": -1}, {"x": 1}],
)
async def test_invalid_items_are_refused(client: AsyncClient, body: dict[str, object]) -> None:
    assert (await client.post("/v1/items", json=body)).status_code == 422


async def test_pages_hold_every_item_once_and_in_order(client: AsyncClient) -> None:
    ids = [await _create(client, f"item {number}") for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/items", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids
    assert cursor is None


async def test_a_cursor_survives_the_deletion_of_its_item(client: AsyncClient) -> None:
    ids = [await _create(client, f"item {number}") for number in range(3)]
    page = (await client.get("/v1/items?limit=1")).json()
    await client.delete(f"/v1/items/{ids[0]}")
    rest = (await client.get("/v1/items", params={"cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in rest["items"]] == ids[1:]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x"])
async def test_the_limit_has_bounds(client: AsyncClient, limit: str) -> None:
    assert (await client.get("/v1/items", params={"limit": limit})).status_code == 422


@pytest.mark.parametrize("cursor", ["x", "%%%", encode_cursor("one"), "WzEsMl0", "bnVsbA"])
async def test_foreign_cursors_are_refused(client: AsyncClient, cursor: str) -> None:
    answer = await client.get("/v1/items", params={"cursor": cursor})
    assert answer.status_code == 400


async def test_an_idempotency_key_creates_one_item(client: AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    first = await client.post("/v1/items", json={"name": "a"}, headers=headers)
    again = await client.post("/v1/items", json={"name": "a"}, headers=headers)
    other = await client.post("/v1/items", json={"name": "b"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert other.status_code == 422
    assert len((await client.get("/v1/items")).json()["items"]) == 1


async def test_concurrent_creations_are_all_listed(client: AsyncClient) -> None:
    ids = await asyncio.gather(*(_create(client, f"item {number}") for number in range(20)))
    page = (await client.get("/v1/items?limit=100")).json()
    assert {item["id"] for item in page["items"]} == set(ids)
