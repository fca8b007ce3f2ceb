"""Reads through a cache that was filled from a replica that lags."""

from __future__ import annotations

from pathlib import Path

from standardized_modules.engines.carried import carried
from tests.generated.data.api import Answer, Api
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get, listed, replace
from tests.generated.data.servers import Cluster, Server, eventually

BOB = {"Authorization": "Bearer bob"}
ADA = {"Authorization": "Bearer ada"}


def version(api: Api, item: Answer, **headers: str) -> int:
    answer = get(api, item, **headers)
    assert answer.status == 200, answer
    return int(answer.json["version"])


def test_who_wrote_reads_it_whatever_cache_and_replica_know(
    cluster: Cluster, valkey: Server, start: OpenApi, tmp_path: Path
) -> None:
    cache = carried("valkey").cache_settings(valkey, tmp_path)
    settings = {**cluster.settings, **cache, "APP_DATABASE_MAX_REPLICA_LAG_SECONDS": "600"}
    one, other = start(settings), start(settings)
    item = create(one)
    cluster.standby.catch_up_with(cluster.primary)
    for api in (one, other):
        eventually(lambda api=api: api.metric("cache_up") == 1, "the cache is not used")  # type: ignore[misc]
        eventually(lambda api=api: api.metric("database_replica_usable") == 1, "the replica is not used")  # type: ignore[misc]
    valkey.flush()
    assert version(other, item, **BOB) == 1

    cluster.standby.pause_replay()
    changed = replace(one, item, 1, item.headers["etag"])
    token = {"Consistency_Token": changed.headers["consistency-token"]}
    assert version(other, item, **token) == 2
    assert version(other, item, **BOB) == 2, "the write has left a mark for everybody"

    valkey.flush()
    assert [version(other, item, **BOB) for _ in range(2)] == [1, 1], "the replica knows no better"

    def known_to_all() -> bool:
        assert version(other, item, **token) == 2, "what the cache knows was believed"
        return version(other, item, **BOB) == 2

    # As soon as this process has seen that the primary is further than what the cache shows.
    eventually(known_to_all, "the cache is not filled")

    again = replace(one, item, 2, changed.headers["etag"], **ADA)
    assert again.status == 200
    name = item.json["name"]
    assert listed(other, name, **ADA)["items"] == [again.json], "a caller is remembered by all processes"
    assert listed(other, name, **BOB)["items"] == [item.json]
    cluster.standby.resume_replay()
    eventually(lambda: listed(other, name, **BOB)["items"] == [again.json], "the replica does not catch up")
