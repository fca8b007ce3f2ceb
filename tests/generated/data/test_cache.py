"""A cache that dies, falls silent, forgets and lies: answers stay right. And what it saves the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from standardized_modules.engines.carried import carried
from tests.generated.data.api import Answer, Api, Load, check_only, load, open_api
from tests.generated.data.items import address, create, get, replace
from tests.generated.data.servers import DATABASE, Server, eventually, hold_table, prepare

CROWD = 200
QUERIES = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE 'SELECT id, name, %WHERE id = $1'"

MISSING = "5d6f6d0a-9f3b-4d0e-8c57-3f1a6c1d2b7e"
FOUND = "INSERT INTO items (id, name, quantity, version) VALUES ('5d6f6d0a-9f3b-4d0e-8c57-3f1a6c1d2b7e', 'a', 1, 1)"


class Cached(NamedTuple):
    """Two processes with one cache."""

    valkey: Server
    one: Api
    other: Api

    def use_it(self) -> None:
        """Wait until both do."""
        for api in (self.one, self.other):
            eventually(lambda api=api: api.metric("cache_up") == 1, "the cache is not used")  # type: ignore[misc]


@pytest.fixture(scope="module")
def cached(
    service: Path, python: Path, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cached]:
    """They wait for the database for as long as a busy machine may make them."""
    folder = tmp_path_factory.mktemp("cached")
    patient = {**settings, "APP_DATABASE_STATEMENT_TIMEOUT_SECONDS": "30"}
    prepare(python, patient)
    with ExitStack() as stack:
        valkey = stack.enter_context(carried("valkey").open_valkey(folder / "valkey"))
        patient |= carried("valkey").cache_settings(valkey, folder)
        patient |= {"APP_CACHE_NEGATIVE_TTL_SECONDS": "2", "APP_CACHE_TIMEOUT_SECONDS": "0.5"}
        one, other = (stack.enter_context(open_api(service, folder / name, patient)) for name in ("one", "other"))
        yield Cached(valkey, one, other)
    prepare(python, settings)


class Owner:
    """Changes an item of its own in one process, and reads it in both."""

    def __init__(self, cached: Cached) -> None:
        self._one, self._other = cached.one, cached.other
        self._item = create(cached.one)
        self._known = self._item
        self._step = 0

    def __call__(self) -> Answer:
        self._step += 1
        if self._step % 4 == 1:
            answer = replace(self._one, self._item, self._step, self._known.headers["etag"])
            if answer.status == 200:
                self._known = answer
            return answer
        if self._step % 4 == 2:
            answer = get(self._other, self._item, Consistency_Token=self._known.headers["consistency-token"])
        else:
            # The process that wrote needs no token, whatever the cache missed.
            answer = get(self._one, self._item)
        assert answer.text == self._known.text, (answer, self._known)
        return answer


@contextmanager
def killed(cached: Cached, running: Load) -> Iterator[None]:
    cached.valkey.kill()
    yield
    cached.valkey.start()


@contextmanager
def silent(cached: Cached, running: Load) -> Iterator[None]:
    cached.valkey.pause()
    yield
    cached.valkey.resume()


def again_and_again(command: str) -> Callable[[Cached, Load], object]:
    @contextmanager
    def misfortune(cached: Cached, running: Load) -> Iterator[None]:
        for _ in range(10):
            cached.valkey.ask(command)
            running.await_more(5, 200)
        yield

    return misfortune


def everywhere(*steps: str) -> str:
    """A script that does this to all keys."""
    return f"EVAL \"for _, key in ipairs(redis.call('KEYS', '*')) do {' '.join(steps)} end return 1\" 0"


MISFORTUNES = {
    "killed": killed,
    "silent": silent,
    "flushed": again_and_again("FLUSHALL"),
    "without scripts": again_and_again("SCRIPT FLUSH"),
    "garbage": again_and_again(everywhere("redis.call('SET', key, 'garbage')")),
    "almost an entry": again_and_again(everywhere("redis.call('SET', key, 'ffffffffffffffffv{')")),
    "of another type": again_and_again(everywhere("redis.call('DEL', key)", "redis.call('RPUSH', key, '1')")),
}


@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_whatever_happens_to_the_cache_answers_are_right(cached: Cached, misfortune: str) -> None:
    cached.use_it()
    owners = [Owner(cached) for _ in range(3)]
    with load(*owners) as running:
        running.await_more(20, 200)
        with MISFORTUNES[misfortune](cached, running):  # type: ignore[operator]
            running.await_more(40, 200)
        cached.use_it()
        running.await_more(20, 200)
    check_only(running.answers, 200, api=cached.one)
    item = create(cached.one)
    hits = cached.one.metric("cache_requests_total", outcome="hit")
    assert get(cached.one, item).text == get(cached.one, item).text == item.text
    assert cached.one.metric("cache_requests_total", outcome="hit") == hits + 1, "it is used again"


def test_what_it_missed_it_is_told_before_it_is_used_again(cached: Cached) -> None:
    cached.use_it()
    item = create(cached.one)
    assert get(cached.one, item).text == get(cached.other, item).text == item.text
    cached.valkey.pause()
    try:
        for api in (cached.one, cached.other):
            eventually(lambda api=api: get(api, item).status == 200 and api.metric("cache_up") == 0, "it is used")  # type: ignore[misc]
        changed = replace(cached.one, item, 1, item.headers["etag"])
        assert changed.status == 200
        assert cached.one.metric("cache_invalidations_owed") == 1
    finally:
        cached.valkey.resume()
    cached.use_it()
    assert get(cached.one, item).text == changed.text
    assert cached.one.metric("cache_invalidations_owed") == 0
    assert get(cached.other, item).text == changed.text


def queries(postgresql: Server) -> int:
    """How often an item was looked up, as the server counts it."""
    return int(postgresql.query(QUERIES))


def test_many_requests_for_one_cold_key_are_one_query(cached: Cached, postgresql: Server) -> None:
    cached.use_it()
    item = create(cached.one)
    cached.valkey.flush()
    before = queries(postgresql)
    with ThreadPoolExecutor(1) as pool:
        with hold_table(postgresql, "items", "ACCESS EXCLUSIVE"):
            crowd = pool.submit(cached.one.together, CROWD, lambda _: get(cached.one, item))
            eventually(lambda: cached.one.metric("http_requests_in_flight") == CROWD, "not all of them wait")
        answers = crowd.result()
    check_only(answers, 200, api=cached.one)
    assert {each.text for each in answers} == {item.text}
    assert queries(postgresql) == before + 1
    assert get(cached.other, item).text == item.text
    assert queries(postgresql) == before + 1, "the other process finds it in the cache"


def test_what_does_not_exist_is_asked_for_once_and_not_for_ever(cached: Cached, postgresql: Server) -> None:
    cached.use_it()
    path = f"/v1/items/{MISSING}"
    before = queries(postgresql)
    answers = [api.ask("GET", path) for _ in range(10) for api in (cached.one, cached.other)]
    check_only(answers, 404)
    assert queries(postgresql) == before + 1
    # By somebody who does not tell the cache.
    postgresql.query(FOUND, DATABASE)
    eventually(lambda: cached.other.ask("GET", path).status == 200, "it does not become known")


def test_a_deletion_is_known_everywhere_at_once(cached: Cached) -> None:
    cached.use_it()
    for api in (cached.one, cached.other):
        item = create(cached.one)
        assert get(cached.other, item).text == get(cached.one, item).text == item.text
        assert api.ask("DELETE", address(item), If_Match=item.headers["etag"]).status == 204
        assert {get(each, item).status for each in (cached.one, cached.other)} == {404}
