"""The example resource over PostgreSQL. Replace it together with the resource."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient, Response

from accounts.pagination import encode_cursor
from accounts.settings import Settings
from tests.databases import ScratchDatabase
from tests.support import client_for

MOMENT = "2026-01-01T00:00:00+00:00"
ID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
async def client(database: ScratchDatabase) -> AsyncIterator[AsyncClient]:
    """The service with no items."""
    settings = Settings(**database.settings, rate_limit_requests=0)
    async with client_for(settings) as client:
        yield client


async def create(client: AsyncClient, name: str) -> Response:
    """A new item."""
    answer = await client.post("/v1/items", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer


async def replace(client: AsyncClient, path: str, tag: str, name: str) -> Response:
    """Another name for an item, if the tag is that of its version."""
    return await client.put(path, json={"name": name}, headers={"if-match": tag})


async def test_create_get_replace_delete(client: AsyncClient) -> None:
    created = await client.post("/v1/items", json={"name": "  pen ", "quantity": 3})
    item = created.json()
    assert (item["name"], item["quantity"], item["version"]) == ("pen", 3, 1)
    assert item["created_at"] == item["updated_at"]
    path = created.headers["location"]
    read = await client.get(path)
    assert read.json() == item
    assert read.headers["etag"] == created.headers["etag"]

    replaced = await replace(client, path, read.headers["etag"], "pencil")
    changed = replaced.json()
    assert replaced.status_code == 200
    assert (changed["name"], changed["quantity"], changed["version"]) == ("pencil", 1, 2)
    assert changed["updated_at"] > changed["created_at"] == item["created_at"]
    assert (await client.get(path)).json() == changed

    tag = {"if-match": replaced.headers["etag"]}
    assert (await client.delete(path, headers=tag)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path, headers=tag)).status_code == 404
    assert (await replace(client, path, tag["if-match"], "pen")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": " "},
        {"name": "a" * 101},
        {"name": "a\0b"},
        {"name": "a", "quantity": -1},
        {"x": 1},
    ],
)
async def test_invalid_items_are_refused(client: AsyncClient, body: dict[str, object]) -> None:
    assert (await client.post("/v1/items", json=body)).status_code == 422
    path = (await create(client, "pen")).headers["location"]
    assert (await client.put(path, json=body, headers={"if-match": "*"})).status_code == 422


async def test_names_are_text_of_any_language(client: AsyncClient) -> None:
    name = "Füller 🖋 ペン"
    path = (await create(client, name)).headers["location"]
    assert (await client.get(path)).json()["name"] == name


async def test_what_the_client_has_is_not_sent_again(client: AsyncClient) -> None:
    created = await create(client, "pen")
    path, tag = created.headers["location"], created.headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await client.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await replace(client, path, tag, "pencil")).status_code == 200
    answer = await client.get(path, headers={"if-none-match": tag})
    assert (answer.status_code, answer.json()["name"]) == (200, "pencil")
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_nobody_overwrites_what_he_has_not_seen(client: AsyncClient) -> None:
    created = await create(client, "pen")
    path, tag = created.headers["location"], created.headers["etag"]
    changed = await replace(client, path, tag, "pencil")
    for stale in (tag, f"W/{changed.headers['etag']}", '"x"'):
        refused = await replace(client, path, stale, "brush")
        assert (refused.status_code, refused.headers["etag"]) == (412, changed.headers["etag"])
        assert (await client.delete(path, headers={"if-match": stale})).status_code == 412
    assert (await client.put(path, json={"name": "brush"})).status_code == 428
    assert (await client.delete(path)).status_code == 428
    assert (await replace(client, path, "1", "brush")).status_code == 400
    assert (await client.get(path)).json()["name"] == "pencil"
    assert (await replace(client, path, "*", "brush")).status_code == 200


async def test_the_same_content_is_a_change_too(client: AsyncClient) -> None:
    created = await create(client, "pen")
    path, tag = created.headers["location"], created.headers["etag"]
    assert (await replace(client, path, tag, "pen")).json()["version"] == 2
    assert (await replace(client, path, tag, "pen")).status_code == 412


async def test_of_writers_that_read_the_same_one_wins(client: AsyncClient) -> None:
    created = await create(client, "pen")
    path, tag = created.headers["location"], created.headers["etag"]
    answers = await asyncio.gather(
        *(replace(client, path, tag, f"name {number}") for number in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert (await client.get(path)).json() == won
    assert won["version"] == 2


async def test_no_update_is_lost(client: AsyncClient) -> None:
    path = (await client.post("/v1/items", json={"name": "n", "quantity": 0})).headers["location"]

    async def add_one() -> None:
        while True:
            read = await client.get(path)
            if read.status_code == 503:  # Every connection is taken, here as below.
                continue
            body = {"name": "n", "quantity": read.json()["quantity"] + 1}
            headers = {"if-match": read.headers["etag"]}
            answer = await client.put(path, json=body, headers=headers)
            if answer.status_code == 200:
                return
            assert answer.status_code in (412, 503), answer.text

    await asyncio.gather(*(add_one() for _ in range(12)))
    item = (await client.get(path)).json()
    assert (item["quantity"], item["version"]) == (12, 13)


async def test_a_deletion_and_a_change_do_not_both_succeed(client: AsyncClient) -> None:
    for _ in range(5):
        created = await create(client, "pen")
        path, tag = created.headers["location"], created.headers["etag"]
        changed, deleted = await asyncio.gather(
            replace(client, path, tag, "pencil"), client.delete(path, headers={"if-match": tag})
        )
        outcome = changed.status_code, deleted.status_code
        assert outcome in ((200, 412), (404, 204))
        assert (await client.get(path)).status_code == (200 if outcome[0] == 200 else 404)


async def test_pages_hold_every_item_once_and_in_order(client: AsyncClient) -> None:
    ids = [(await create(client, f"item {number}")).json()["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/items", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids
    assert cursor is None


async def test_items_of_one_moment_are_all_listed(
    client: AsyncClient, database: ScratchDatabase
) -> None:
    database.query(
        "INSERT INTO items (id, name, quantity, version, created_at)"
        " SELECT gen_random_uuid(), 'pen', 1, 1, '2026-01-01' FROM generate_series(1, 5)"
    )
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(5):
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/items", params=query)).json()
        seen |= {item["id"] for item in page["items"]}
        cursor = page["next_cursor"]
    assert len(seen) == 5
    assert cursor is None


async def test_a_list_of_one_name(client: AsyncClient) -> None:
    for name in ("pen", "ink", "pen", "pen"):
        await create(client, name)
    page = (await client.get("/v1/items?name=pen&limit=2")).json()
    rest = (await client.get("/v1/items?name=pen", params={"cursor": page["next_cursor"]})).json()
    assert [item["name"] for item in page["items"] + rest["items"]] == ["pen"] * 3
    assert (await client.get("/v1/items?name=none")).json() == {"items": [], "next_cursor": None}
    assert (await client.get("/v1/items?name=%00")).status_code == 422


async def test_a_cursor_survives_the_deletion_of_its_item(client: AsyncClient) -> None:
    created = [await create(client, f"item {number}") for number in range(3)]
    page = (await client.get("/v1/items?limit=1")).json()
    await client.delete(created[0].headers["location"], headers={"if-match": "*"})
    rest = (await client.get("/v1/items", params={"cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in rest["items"]] == [answer.json()["id"] for answer in created[1:]]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x"])
async def test_the_limit_has_bounds(client: AsyncClient, limit: str) -> None:
    assert (await client.get("/v1/items", params={"limit": limit})).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        encode_cursor("one"),
        "WzEsMl0",
        "bnVsbA",
        encode_cursor("today", ID),
        encode_cursor(MOMENT, "1"),
        encode_cursor("0001-01-01T00:00:00+14:00", ID),
        encode_cursor("9999-12-31T23:59:59-14:00", ID),
    ],
)
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
    answers = await asyncio.gather(*(create(client, f"item {number}") for number in range(20)))
    page = (await client.get("/v1/items?limit=100")).json()
    assert {item["id"] for item in page["items"]} == {answer.json()["id"] for answer in answers}


async def test_each_change_says_what_to_send_to_see_it(client: AsyncClient) -> None:
    created = await create(client, "pen")
    path = created.headers["location"]
    changed = await replace(client, path, created.headers["etag"], "pencil")
    deleted = await client.delete(path, headers={"if-match": "*"})
    tokens = [answer.headers["consistency-token"] for answer in (created, changed, deleted)]
    positions = [int(token, 16) for token in tokens]
    assert positions == sorted(set(positions))
    answer = await client.get(path, headers={"consistency-token": tokens[2]})
    assert answer.status_code == 404
