"""The cache by itself, on a real Valkey: entries that only get newer, and a cache that is away."""

import asyncio
import json
from pathlib import Path

import pytest

from accounts.cache import Cache, CacheAside, open_cache
from accounts.cache.entry import Entry, decode_entry
from accounts.database import (
    ANYWHERE,
    PRIMARY_ONLY,
    Position,
    Unavailable,
)
from accounts.settings import Settings
from tests.caches import ScratchCache, opened, until_up
from tests.observing import sample

KEY = "accounts:things:a"


class Store:
    """What the cache stands before: a value, and the position of the write that made it."""

    def __init__(self) -> None:
        self.value: bytes | None = b"one"
        self.position = Position(10)
        self.loads: list[Position] = []
        self.seconds = 0.0
        self.away = False

    async def load(self, after: Position) -> tuple[bytes | None, Position]:
        """The value, dated as the primary dates it: behind the write, as others come."""
        self.loads.append(after)
        value, date = self.value, self.position.next
        await asyncio.sleep(self.seconds)
        if self.away:
            raise Unavailable("connection")
        return value, date

    def write(self, value: bytes | None) -> Position:
        """Returns where the write is."""
        self.value, self.position = value, Position(self.position.lsn + 10)
        return self.position


def things(cache: Cache, form: int = 1) -> CacheAside[bytes]:
    """Values that are text without an x."""

    def decode(body: bytes) -> bytes:
        if b"x" in body:
            raise ValueError
        return body

    return CacheAside(cache, "things", form=form, encode=bytes, decode=decode)


def outcomes() -> dict[str, float]:
    """How look-ups have ended up to now."""
    names = ("hit", "negative_hit", "miss", "error", "shared")
    return {name: sample("cache_requests_total", cache="things", outcome=name) for name in names}


def questions() -> float:
    """How often the cache was asked for an entry."""
    return sample("cache_request_duration_seconds_count", operation="get")


@pytest.mark.parametrize(
    "entry",
    [
        Entry(ANYWHERE, "value", b""),
        Entry(Position(0xABC), "value", b"\x00v\nn"),
        Entry(Position(7), "nothing"),
        Entry(PRIMARY_ONLY, "mark"),
    ],
)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decode_entry(entry.encode()) == entry


async def test_a_value_is_loaded_once(valkey: ScratchCache) -> None:
    store, before = Store(), outcomes()
    async with opened(valkey) as cache:
        values = [await things(cache).get("a", ANYWHERE, store.load) for _ in range(3)]
    assert values == [b"one"] * 3
    assert len(store.loads) == 1
    assert outcomes() == before | {"miss": before["miss"] + 1, "hit": before["hit"] + 2}


async def test_two_hundred_requests_for_a_cold_key_are_one_load(valkey: ScratchCache) -> None:
    store, before = Store(), outcomes()
    store.seconds = 0.05
    async with opened(valkey) as cache:
        aside = things(cache)
        values = await asyncio.gather(*(aside.get("a", ANYWHERE, store.load) for _ in range(200)))
    assert values == [b"one"] * 200
    assert len(store.loads) == 1
    assert outcomes()["shared"] == before["shared"] + 199


async def test_whoever_gives_up_does_not_take_the_others_along(valkey: ScratchCache) -> None:
    store = Store()
    store.seconds = 0.1
    async with opened(valkey) as cache:
        aside = things(cache)
        first, *others = (
            asyncio.create_task(aside.get("a", ANYWHERE, store.load)) for _ in range(5)
        )
        await asyncio.sleep(0.05)
        first.cancel()
        assert await asyncio.gather(*others) == [b"one"] * 4
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_failure_is_everybodys_and_is_not_kept(valkey: ScratchCache) -> None:
    store = Store()
    store.seconds, store.away = 0.05, True
    async with opened(valkey) as cache:
        aside = things(cache)
        results = await asyncio.gather(
            *(aside.get("a", ANYWHERE, store.load) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, Unavailable) for result in results)
        assert len(store.loads) == 1
        store.away = False
        assert await aside.get("a", ANYWHERE, store.load) == b"one"


async def test_who_asks_for_less_does_not_fail_with_who_asks_for_more(
    valkey: ScratchCache,
) -> None:
    asked, away = asyncio.Event(), asyncio.Event()

    async def load(after: Position) -> tuple[bytes, Position]:
        if after == ANYWHERE:
            return b"one", Position(15)
        asked.set()
        await away.wait()
        raise Unavailable("connection")

    async with opened(valkey) as cache:
        aside = things(cache)
        more = [asyncio.create_task(aside.get("a", Position(20), load)) for _ in range(2)]
        await asked.wait()
        less = asyncio.create_task(aside.get("a", ANYWHERE, load))
        await asyncio.sleep(0.05)
        away.set()
        assert await less == b"one"
        for refused in await asyncio.gather(*more, return_exceptions=True):
            assert isinstance(refused, Unavailable)


@pytest.mark.parametrize("claimed", [PRIMARY_ONLY, Position(PRIMARY_ONLY.lsn - 1), Position(50)])
@pytest.mark.parametrize("own", [PRIMARY_ONLY, Position(20)])
async def test_a_look_up_that_began_before_a_write_is_not_shared_with_its_writer(
    valkey: ScratchCache, claimed: Position, own: Position
) -> None:
    store, asked = Store(), asyncio.Event()

    async def load(after: Position) -> tuple[bytes | None, Position]:
        asked.set()
        return await store.load(after)

    async with opened(valkey) as cache:
        aside = things(cache)
        store.seconds = 0.1
        early = asyncio.create_task(aside.get("a", claimed, load))
        await asked.wait()
        store.write(b"two")  # By another process, whose mark has not come yet.
        assert await aside.get("a", own, load) == b"two"
        assert await early == b"one"


async def test_what_does_not_exist_is_remembered_for_a_shorter_time(valkey: ScratchCache) -> None:
    store, before = Store(), outcomes()
    store.value = None
    async with opened(valkey, cache_ttl_seconds=300, cache_negative_ttl_seconds=30) as cache:
        aside = things(cache)
        assert [await aside.get("a", ANYWHERE, store.load) for _ in range(2)] == [None] * 2
        assert 26_000 < int(valkey.server.ask(f"PTTL {KEY}")[1:]) <= 33_000
        await aside.written({"a"}, store.write(b"one"))
        assert await aside.get("a", ANYWHERE, store.load) == b"one"
        assert 260_000 < int(valkey.server.ask(f"PTTL {KEY}")[1:]) <= 330_000
    assert outcomes()["negative_hit"] == before["negative_hit"] + 1


async def test_entries_that_were_made_together_do_not_end_together(valkey: ScratchCache) -> None:
    store = Store()
    async with opened(valkey) as cache:
        aside = things(cache)
        for number in range(20):
            await aside.get(str(number), ANYWHERE, store.load)
        keys = (f"{KEY[:-1]}{number}" for number in range(20))
        ends = {valkey.server.ask(f"PTTL {key}")[1:4] for key in keys}
    assert len(ends) > 5


async def test_releases_do_not_read_each_others_form_and_learn_of_each_others_writes(
    valkey: ScratchCache,
) -> None:
    store = Store()
    async with opened(valkey) as cache:
        old, new = things(cache, 1), things(cache, 2)
        for reader in (old, new):
            assert await reader.get("a", ANYWHERE, store.load) == b"one"
        assert len(store.loads) == 2, "what another form has is not read, but replaced"
        for writer, value in ((old, b"two"), (new, b"three")):
            await writer.written({"a"}, store.write(value))
            for reader in (new, old):
                assert await reader.get("a", ANYWHERE, store.load) == value


async def test_who_could_not_remember_all_he_wrote_waits_until_old_entries_end(
    own_valkey: ScratchCache,
) -> None:
    store, names = Store(), "abcde"
    times = {"cache_timeout_seconds": 1, "cache_ttl_seconds": 3, "cache_negative_ttl_seconds": 3}
    async with Cache(Settings(**own_valkey.settings | times), most_owed=2) as cache:
        await until_up(cache)
        aside = things(cache)
        for name in names:
            await aside.get(name, ANYWHERE, store.load)
        own_valkey.server.pause()
        position = store.write(b"two")
        await asyncio.gather(*(aside.written({name}, position) for name in names))
        assert sample("cache_invalidations_owed") == 2
        own_valkey.server.resume()
        await until_up(cache)
        assert [await aside.get(name, ANYWHERE, store.load) for name in names] == [b"two"] * 5


async def test_after_a_write_everybody_gets_the_new_value(valkey: ScratchCache) -> None:
    store = Store()
    async with opened(valkey) as cache, opened(valkey) as another:
        mine, theirs = things(cache), things(another)
        assert await theirs.get("a", ANYWHERE, store.load) == b"one"
        await mine.written({"a"}, store.write(b"two"))
        assert await theirs.get("a", ANYWHERE, store.load) == b"two"
        assert await mine.get("a", ANYWHERE, store.load) == b"two"
        assert store.loads == [ANYWHERE, Position(20)], "it asks for what the write left"


async def test_a_slow_reader_does_not_bring_the_old_value_back(valkey: ScratchCache) -> None:
    store = Store()
    store.seconds = 0.1
    async with opened(valkey) as cache, opened(valkey) as another:
        slow = asyncio.create_task(things(another).get("a", ANYWHERE, store.load))
        await asyncio.sleep(0.05)
        await things(cache).written({"a"}, store.write(b"two"))
        assert await slow == b"one", "it began before the write"
        assert await things(another).get("a", ANYWHERE, store.load) == b"two"


async def test_who_reads_while_a_commit_is_in_the_log_and_not_yet_visible(
    valkey: ScratchCache,
) -> None:
    store, asked, committed = Store(), asyncio.Event(), asyncio.Event()

    async def early(_: Position) -> tuple[bytes, Position]:
        asked.set()
        await committed.wait()
        return b"one", Position(20)

    async with opened(valkey) as cache, opened(valkey) as another:
        reader = asyncio.create_task(things(another).get("a", ANYWHERE, early))
        await asked.wait()
        position = store.write(b"two")
        assert position == Position(20), "the log ends where the reader saw it end"
        await things(cache).written({"a"}, position)
        committed.set()
        assert await reader == b"one"
        assert await things(another).get("a", ANYWHERE, store.load) == b"two"


async def test_a_replica_that_lags_does_not_bring_the_old_value_back(valkey: ScratchCache) -> None:
    store = Store()

    async def lagging(_: Position) -> tuple[bytes, Position]:
        return b"one", Position(15)

    async with opened(valkey) as cache:
        aside = things(cache)
        position = store.write(b"two")
        await cache.fill(KEY, Entry(position.next, "value", b"1 two"), 10)
        # Somebody who has to see more than the entry is sure to show looks at a replica.
        assert await aside.get("a", position.next, lagging) == b"one"
        assert await aside.get("a", ANYWHERE, lagging) == b"two"


async def test_who_has_to_see_a_write_gets_no_older_entry(valkey: ScratchCache) -> None:
    store = Store()
    async with opened(valkey) as cache:
        aside = things(cache)
        await aside.get("a", ANYWHERE, store.load)
        position = store.write(b"two")  # And the mark gets lost.
        assert await aside.get("a", ANYWHERE, store.load) == b"one"
        assert await aside.get("a", position, store.load) == b"two"
        assert await aside.get("a", ANYWHERE, store.load) == b"two"
        assert len(store.loads) == 2


async def test_without_the_primary_others_get_what_there_is(valkey: ScratchCache) -> None:
    async def load(after: Position) -> tuple[bytes, Position]:
        if after > Position(15):
            raise Unavailable("connection")
        return b"one", Position(15)

    async with opened(valkey) as cache:
        aside = things(cache)
        await aside.written({"a"}, Position(20))
        assert await aside.get("a", ANYWHERE, load) == b"one"
        with pytest.raises(Unavailable):
            await aside.get("a", Position(20), load)


async def test_a_write_of_unknown_outcome_is_not_cached_over(valkey: ScratchCache) -> None:
    store = Store()
    async with opened(valkey) as cache:
        aside = things(cache)
        await aside.written({"a"}, PRIMARY_ONLY)
        assert [await aside.get("a", ANYWHERE, store.load) for _ in range(2)] == [b"one"] * 2
        assert len(store.loads) == 2
        await aside.written({"a"}, store.write(b"two"))
        assert int(valkey.server.ask(f"PTTL {KEY}")[1:]) <= 40_000


@pytest.mark.parametrize(
    "garbage",
    [
        'SET {} ""',
        'SET {} "\\xff\\x00"',
        "SET {} {{}}",
        "SET {} 0000000000000001vx",
        "SET {} 000000000000000Xvone",
        "RPUSH {} a",
        "HSET {} a b",
    ],
)
async def test_garbage_is_a_miss_and_is_replaced(valkey: ScratchCache, garbage: str) -> None:
    store = Store()
    async with opened(valkey) as cache:
        valkey.server.ask(garbage.format(KEY))
        aside = things(cache)
        assert [await aside.get("a", ANYWHERE, store.load) for _ in range(2)] == [b"one"] * 2
        assert len(store.loads) == 1
        valkey.server.ask(f"DEL {KEY}", garbage.format(KEY))
        await aside.written({"a"}, store.write(b"two"))
        assert await aside.get("a", ANYWHERE, store.load) == b"two"


async def test_a_cache_that_dies_is_not_missed(own_valkey: ScratchCache) -> None:
    store, before = Store(), outcomes()
    async with opened(own_valkey) as cache:
        aside = things(cache)
        own_valkey.server.kill()
        for _ in range(20):
            assert await aside.get("a", ANYWHERE, store.load) == b"one"
        assert sample("cache_up") == 0
        await aside.written({"a"}, store.write(b"two"))
        assert sample("cache_invalidations_owed") == 1
        assert await aside.get("a", ANYWHERE, store.load) == b"two"
        own_valkey.server.start()
        await until_up(cache)
        assert sample("cache_invalidations_owed") == 0
        loads = len(store.loads)
        for _ in range(2):
            assert await aside.get("a", ANYWHERE, store.load) == b"two"
        assert len(store.loads) == loads + 1
    assert outcomes()["error"] > before["error"]


async def test_a_silent_cache_costs_one_timeout_and_learns_what_it_missed(
    own_valkey: ScratchCache,
) -> None:
    store, server = Store(), own_valkey.server
    async with opened(own_valkey, cache_timeout_seconds=0.3) as cache:
        aside = things(cache)
        await aside.get("a", ANYWHERE, store.load)
        server.pause()
        await aside.written({"a"}, store.write(b"two"))
        asked = questions()
        for _ in range(50):
            assert await aside.get("a", ANYWHERE, store.load) == b"two"
        assert questions() == asked, "nobody else waits for it"
        server.resume()
        await until_up(cache)
        assert await aside.get("a", ANYWHERE, store.load) == b"two"
    async with opened(own_valkey) as another:
        assert await things(another).get("a", ANYWHERE, store.load) == b"two"


async def test_a_mark_outlives_the_request_that_left_it(own_valkey: ScratchCache) -> None:
    store, server = Store(), own_valkey.server
    async with opened(own_valkey) as cache:
        aside = things(cache)
        await aside.get("a", ANYWHERE, store.load)
        server.pause()
        request = asyncio.create_task(aside.written({"a"}, store.write(b"two")))
        await asyncio.sleep(0.05)
        request.cancel()
        server.resume()
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.sleep(0.5)
        assert await aside.get("a", ANYWHERE, store.load) == b"two"


async def test_a_new_password_needs_no_restart(own_valkey: ScratchCache) -> None:
    store, server = Store(), own_valkey.server
    async with opened(own_valkey) as cache:
        aside = things(cache)
        await aside.get("a", ANYWHERE, store.load)
        rotate(own_valkey, "another")
        assert await aside.get("b", ANYWHERE, store.load) == b"one"
        await until_up(cache)
        assert await aside.get("a", ANYWHERE, store.load) == b"one"
        assert server.ask(f"EXISTS {KEY}") == ":1"


def rotate(scratch: ScratchCache, password: str) -> None:
    """Another password, which ends all connections."""
    server = scratch.server
    path = Path(scratch.environment["APP_CACHE_CREDENTIALS_FILE"])
    server.ask(f"CONFIG SET requirepass {password}", "CLIENT KILL TYPE normal SKIPME yes")
    server.password = password
    path.write_text(json.dumps({"username": "default", "password": password}))


async def test_without_a_host_there_is_no_cache() -> None:
    assert open_cache(Settings(cache_host="")) is None


async def test_every_question_gets_its_own_answer(valkey: ScratchCache) -> None:
    async with opened(valkey) as cache:
        valkey.server.ask("RPUSH odd a")

        async def keep(number: int) -> None:
            await cache.fill(f"n{number}", Entry(Position(1), "value", b"%d" % number), 60)

        async def look(number: int) -> bool:
            entry = await cache.read(f"n{number}" if number % 7 else "odd")
            return entry == (Entry(Position(1), "value", b"%d" % number) if number % 7 else None)

        await asyncio.gather(*(keep(number) for number in range(500)))
        assert all(await asyncio.gather(*(look(number) for number in range(500))))


async def test_scripts_are_not_missed_when_the_cache_has_forgotten_them(
    valkey: ScratchCache,
) -> None:
    store = Store()
    async with opened(valkey) as cache:
        valkey.server.ask("SCRIPT FLUSH")
        aside = things(cache)
        assert [await aside.get("a", ANYWHERE, store.load) for _ in range(2)] == [b"one"] * 2
        valkey.server.ask("SCRIPT FLUSH")
        await aside.written({"a"}, store.write(b"two"))
        assert await aside.get("a", ANYWHERE, store.load) == b"two"
        assert len(store.loads) == 2
    assert sample("cache_invalidations_owed") == 0


async def test_many_cancelled_look_ups_do_not_mix_answers_up(valkey: ScratchCache) -> None:
    async with opened(valkey) as cache:
        for name in "abcd":
            await cache.fill(name, Entry(Position(1), "value", name.encode()), 60)

        async def look(name: str, seconds: float) -> None:
            async with asyncio.timeout(seconds):
                entry = await cache.read(name)
                assert entry is not None
                assert entry.body == name.encode()

        for step in range(100):
            await asyncio.gather(
                *(look(name, step * 1e-5) for name in "abcd"), return_exceptions=True
            )
        await until_up(cache)
        await asyncio.gather(*(look(name, 5) for name in "abcd"))
