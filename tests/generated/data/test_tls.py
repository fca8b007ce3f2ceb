"""Encryption to database and cache: with a certificate of our authority for this name, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from standardized_modules.engines.carried import carried
from tests.generated.data.api import Api, check_only
from tests.generated.data.certificates import Authority, Front, Greet, of_postgresql, of_valkey
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get
from tests.generated.data.servers import Server, eventually

HOST = "localhost"
WRONG = ["another name", "unknown authority", "expired"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the service trusts."""
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom it does not."""
    return Authority(tmp_path_factory.mktemp("theirs"))


@contextmanager
def wrong_front(kind: str, target: int, authority: Authority, stranger: Authority, greet: Greet) -> Iterator[Front]:
    """Each is wrong in one way."""
    contexts = {
        "another name": lambda: authority.context("elsewhere"),
        "unknown authority": lambda: stranger.context(HOST),
        "expired": lambda: authority.context(HOST, age=timedelta(days=2)),
    }
    with Front(target, contexts[kind](), greet).running() as front:
        yield front


def database(settings: dict[str, str], port: int, authority: Authority) -> dict[str, str]:
    return {
        **settings,
        "APP_DATABASE_HOST": HOST,
        "APP_DATABASE_PORT": str(port),
        "APP_DATABASE_TLS": "verify-full",
        "APP_DATABASE_CA_FILE": str(authority.file),
    }


def cache(valkey: Server, port: int, authority: Authority, folder: Path) -> dict[str, str]:
    return {
        **carried("valkey").cache_settings(valkey, folder),
        "APP_CACHE_HOST": HOST,
        "APP_CACHE_PORT": str(port),
        "APP_CACHE_TLS": "true",
        "APP_CACHE_CA_FILE": str(authority.file),
    }


def check_refused(api: Api, reason: str) -> None:
    """Nobody is served by a server that is not ours, and the log says what is wrong with it."""
    check_only([api.ask("GET", "/v1/items") for _ in range(3)], 503, api=api)
    eventually(lambda: reason in api.log.read_text(), lambda: api.log.read_text())
    assert not api.is_ready()


def check_without_cache(api: Api) -> None:
    """The service works, and has not used it."""
    item = create(api)
    assert get(api, item).text == item.text
    eventually(lambda: "the cache is not reached" in api.log.read_text(), "nobody is told")
    assert api.metric("cache_up") == 0


def test_the_right_database(postgresql: Server, settings: dict[str, str], authority: Authority, start: OpenApi) -> None:
    with Front(postgresql.port, authority.context(HOST), of_postgresql).running() as front:
        api = start(database(settings, front.port, authority))
        item = create(api)
        assert get(api, item).text == item.text
        assert front.understood >= 2, "the watch and the pool"


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_database(
    postgresql: Server,
    settings: dict[str, str],
    authority: Authority,
    stranger: Authority,
    start: OpenApi,
    kind: str,
) -> None:
    with wrong_front(kind, postgresql.port, authority, stranger, of_postgresql) as front:
        api = start(database(settings, front.port, authority), ready=False)
        check_refused(api, "certificate verify failed")
        assert front.understood == 0, "not a byte was sent to it"


def test_a_database_without_tls(
    postgresql: Server, settings: dict[str, str], authority: Authority, start: OpenApi
) -> None:
    """Nothing is sent in plain text because the other side asks for it."""
    api = start(database(settings, postgresql.port, authority), ready=False)
    check_refused(api, "rejected SSL upgrade")


def test_the_right_cache(
    valkey: Server, settings: dict[str, str], authority: Authority, start: OpenApi, tmp_path: Path
) -> None:
    with Front(valkey.port, authority.context(HOST), of_valkey).running() as front:
        api = start({**settings, **cache(valkey, front.port, authority, tmp_path)})
        eventually(lambda: api.metric("cache_up") == 1, "it is not used")
        item = create(api)
        assert get(api, item).text == get(api, item).text == item.text
        assert api.metric("cache_requests_total", outcome="hit") == 1
        assert front.understood >= 1


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_cache(
    valkey: Server,
    settings: dict[str, str],
    authority: Authority,
    stranger: Authority,
    start: OpenApi,
    tmp_path: Path,
    kind: str,
) -> None:
    with wrong_front(kind, valkey.port, authority, stranger, of_valkey) as front:
        api = start({**settings, **cache(valkey, front.port, authority, tmp_path)})
        check_without_cache(api)
        assert "certificate verify failed" in api.log.read_text()
        assert front.understood == 0


def test_a_cache_without_tls(
    valkey: Server, settings: dict[str, str], authority: Authority, start: OpenApi, tmp_path: Path
) -> None:
    api = start({**settings, **cache(valkey, valkey.port, authority, tmp_path)})
    check_without_cache(api)
    assert valkey.ask("DBSIZE") == ":0"
