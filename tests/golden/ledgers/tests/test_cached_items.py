"""The example resource through the cache: faster, never wrong, never down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response
from sqlalchemy.exc import IntegrityError

from ledgers.items.table import ItemRow
from ledgers.settings import Settings
from local.postgresql import Postgresql
from tests.caches import ScratchCache
from tests.databases import ScratchDatabase
from tests.observing import sample
from tests.support import client_for


@asynccontextmanager
async def serving(
    database: ScratchDatabase,
    cache: ScratchCache,
    **settings: Any,  # noqa: ANN401 as Settings takes them
) -> AsyncIterator[AsyncClient]:
    """The service with a cache that it has reached."""
    given = database.settings | cache.settings | {"cache_timeout_seconds": 1} | settings
    async with client_for(Settings(**given, rate_limit_requests=0)) as client:
        await client.get("/readyz")
        await cache_is(client, 1)
        yield client


async def cache_is(client: AsyncClient, up: int) -> None:
    """Wait until the service uses its cache, or does without."""
    async with asyncio.timeout(15):
        while sample("cache_up") != up:
            await client.get("/v1/items/00000000-0000-4000-8000-000000000001")
            await asyncio.sleep(0.02)


async def create(client: AsyncClient, name: str) -> str:
    """The path of a new item."""
    answer = await client.post("/v1/items", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def rename(client: AsyncClient, path: str, name: str) -> Response:
    """Another name for an item, whatever it had."""
    answer = await client.put(path, json={"name": name}, headers={"if-match": "*"})
    assert answer.status_code == 200, answer.text
    return answer


async def name_of(client: AsyncClient, path: str, **headers: str) -> str | None:
    """What a client sees; None when there is nothing."""
    answer = await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status_code in (200, 404), answer.text
    name: str | None = answer.json().get("name")
    return name


def seen(answer: Response) -> tuple[int, bytes, dict[str, str]]:
    """What a client gets, but for the id of the request."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, headers


def queries() -> float:
    """How often an item was read from the database."""
    return sum(
        sample("database_query_duration_seconds_count", statement="get item", target=target)
        for target in ("primary", "replica-1")
    )


async def test_an_item_is_read_once(database: ScratchDatabase, valkey: ScratchCache) -> None:
    async with serving(database, valkey) as client:
        path = await create(client, "pen")
        before = queries()
        answers = [await client.get(path) for _ in range(5)]
        assert {(a.text, a.headers["etag"]) for a in answers} == {
            (answers[0].text, answers[0].headers["etag"])
        }
        assert queries() == before + 1
        again = await client.get(path, headers={"if-none-match": answers[0].headers["etag"]})
        assert again.status_code == 304


async def test_a_known_item_does_not_reach_its_route(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    labels = {"method": "GET", "route": "/v1/items/{item_id}", "status": "200"}
    async with serving(database, valkey) as client:
        path = await create(client, "pen")
        first = await client.get(path)
        hits = sample("cache_requests_total", cache="items", outcome="hit")
        requests = sample("http_requests_total", **labels)
        client.app.state.items = None  # type: ignore[attr-defined]  # what the route reads from
        assert seen(await client.get(path)) == seen(first)
    assert sample("cache_requests_total", cache="items", outcome="hit") == hits + 1
    assert sample("http_requests_total", **labels) == requests + 1


REQUESTS: tuple[dict[str, str], ...] = (
    {},
    {"if-none-match": '"1.1"'},
    {"if-none-match": 'W/"1.1"'},
    {"if-none-match": '"1.0", "1.1"'},
    {"if-none-match": "*"},
    {"if-none-match": '"1.2"'},
    {"if-none-match": '"1.1", ' * 100},
    {"consistency-token": "1"},
    {"consistency-token": "x"},
    {"consistency-token": "1" * 65},
    {"authorization": "Bearer mine"},
    {"accept": "text/html"},
)


async def test_the_cache_answers_as_the_route_would(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    """It fails when a route begins to refuse what the cache goes on to answer."""
    async with (
        serving(database, valkey) as client,
        client_for(Settings(**database.settings, rate_limit_requests=0)) as uncached,
    ):
        path = await create(client, "pen")
        await client.get(path)
        item = path.rpartition("/")[2]
        others = (f"{path}?a=b", f"{path}/", path.replace(item, item.upper()))
        for method in ("GET", "HEAD"):
            for place in (path, *others, path.replace("-", "")):
                for given in REQUESTS:
                    headers = given | {"x-request-id": "the-same"}  # Problems quote it.
                    mine = await client.request(method, place, headers=headers)
                    theirs = await uncached.request(method, place, headers=headers)
                    assert seen(mine) == seen(theirs), (method, place, headers)


async def test_two_hundred_requests_for_a_cold_item_are_one_query(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    async with serving(database, valkey) as client:
        path = await create(client, "pen")
        before = queries()
        answers = await asyncio.gather(*(client.get(path) for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}
        assert queries() == before + 1


async def test_a_change_shows_at_once_in_every_process(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    async with serving(database, valkey) as one, serving(database, valkey) as other:
        path = await create(one, "pen")
        for step in range(5):
            assert await name_of(other, path) == (f"pen {step - 1}" if step else "pen")
            await rename(one, path, f"pen {step}")
        assert (await one.delete(path, headers={"if-match": "*"})).status_code == 204
        assert await name_of(other, path) is None


async def test_a_change_that_was_certainly_not_made_leaves_the_entry(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    async with serving(database, valkey) as client:
        path = await create(client, "pen")
        item = UUID(path.rpartition("/")[2])
        assert await name_of(client, path) == "pen"
        items = client.app.state.items  # type: ignore[attr-defined]  # what the route reads from

        async def break_a_rule() -> None:
            async with items.change("break a rule", "me") as changes:
                row = await changes.tx.session.get(ItemRow, item)
                row.quantity = -1
                changes.changed.add(item)

        with pytest.raises(IntegrityError):
            await break_a_rule()
        before = queries()
        assert await name_of(client, path) == "pen"
        assert queries() == before


async def test_what_is_missing_is_asked_for_once(
    database: ScratchDatabase, valkey: ScratchCache
) -> None:
    async with serving(database, valkey) as client:
        before = queries()
        for _ in range(5):
            missing = await client.get("/v1/items/00000000-0000-4000-8000-000000000002")
            assert missing.status_code == 404
        assert queries() == before + 1


async def test_a_replica_that_lags_brings_nothing_back(
    database: ScratchDatabase, standby: Postgresql, valkey: ScratchCache
) -> None:
    hosts = f"{standby.host}:{standby.port}"
    async with serving(
        database, valkey, database_replica_hosts=hosts, database_max_replica_lag_seconds=30
    ) as client:
        path = await create(client, "pen")
        standby.catch_up_with(database.server)
        await asyncio.sleep(1.2)
        assert await name_of(client, path) == "pen"
        standby.pause_replay()
        changed = await rename(client, path, "pencil")
        valkey.server.flush()  # The mark is lost, and the replica is behind.
        mine = {"authorization": "Bearer mine"}
        stale = await name_of(client, path, **mine)
        assert stale == "pen", "nobody asked for more, and the replica may lag"
        token = changed.headers["consistency-token"]
        assert await name_of(client, path, consistency_token=token) == "pencil"
        await rename(client, path, "brush")
        assert await name_of(client, path, **mine) == "brush", "the mark says what there is"
        before = queries()
        assert await name_of(client, path, **mine) == "brush"
        assert queries() == before


async def test_a_writer_is_known_to_other_processes(
    database: ScratchDatabase, standby: Postgresql, valkey: ScratchCache
) -> None:
    settings = {"database_replica_hosts": f"{standby.host}:{standby.port}"}
    mine = {"authorization": "Bearer mine"}
    async with (
        serving(database, valkey, **settings) as one,
        serving(database, valkey, **settings) as other,
    ):
        standby.catch_up_with(database.server)
        await asyncio.sleep(1.2)
        standby.pause_replay()
        created = await one.post("/v1/items", json={"name": "pen"}, headers=mine)
        listed = await other.get("/v1/items", headers=mine)
        assert [item["name"] for item in listed.json()["items"]] == ["pen"]
        stranger = await other.get("/v1/items", headers={"authorization": "Bearer another"})
        assert stranger.json()["items"] == []
        assert created.status_code == 201


async def test_a_cache_that_is_killed_flushed_or_filled_with_garbage(
    database: ScratchDatabase, own_valkey: ScratchCache
) -> None:
    server = own_valkey.server
    async with serving(database, own_valkey) as client:
        path = await create(client, "pen 0")
        key = f"ledgers:items:{path.rpartition('/')[2]}"
        for step in range(1, 4):
            assert await name_of(client, path) == f"pen {step - 1}"
            server.ask(f"SET {key} garbage")
            assert await name_of(client, path) == f"pen {step - 1}"
            server.flush()
            assert await name_of(client, path) == f"pen {step - 1}"
            server.kill()
            await rename(client, path, f"pen {step}")
            assert await name_of(client, path) == f"pen {step}"
            assert (await client.get("/readyz")).status_code == 200
            server.start()
            await cache_is(client, 1)


@pytest.mark.parametrize("owed", [1, 3])
async def test_what_changed_while_the_cache_was_silent(
    database: ScratchDatabase, own_valkey: ScratchCache, owed: int
) -> None:
    server = own_valkey.server
    async with serving(database, own_valkey, cache_timeout_seconds=0.3) as client:
        paths = [await create(client, "pen") for _ in range(owed)]
        for path in paths:
            await name_of(client, path)
        server.pause()
        for path in paths:
            await rename(client, path, "pencil")
            assert await name_of(client, path) == "pencil"
        server.resume()
        await cache_is(client, 1)
        for path in paths:
            assert await name_of(client, path) == "pencil"
