"""Items while their primary dies: what was confirmed holds, what was refused did not happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from standardized_modules.engines.carried import carried
from tests.generated.data.api import Answer, Api, check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get, listed, new_name, replace
from tests.generated.data.servers import Cluster, Server, eventually, open_pooler

UNKNOWN = "urn:problem:outcome-unknown"


@pytest.fixture(params=["cache", "pooler"])
def api(
    request: pytest.FixtureRequest, cluster: Cluster, start: OpenApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """With a replica and a cache; and with PgBouncer in front of the primary."""
    with ExitStack() as stack:
        if request.param == "cache":
            valkey: Server = request.getfixturevalue("valkey")
            more: Mapping[str, str] = carried("valkey").cache_settings(valkey, tmp_path_factory.mktemp("login"))
        else:
            pooler = stack.enter_context(open_pooler(cluster.writer.port, cluster.primary.superuser))
            more = {
                "APP_DATABASE_PORT": str(pooler.port),
                "APP_DATABASE_POOLER": "true",
                "APP_DATABASE_REPLICA_HOSTS": "",
            }
        yield start({**cluster.settings, **more})


class Changer:
    """Changes an item of its own, again and again, and looks at it after each change.

    It knows what to expect: its item has the version of the last change that was confirmed, or
    one more after an answer that says that nobody knows.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.item = create(api)
        self.version = 1
        self.unsure = False
        self.doubts = 0
        self._looks = False
        self._token = self.item.headers["consistency-token"]

    def __call__(self) -> Answer:
        self._looks = not self._looks
        return self._look() if self._looks else self._change()

    def _look(self) -> Answer:
        answer = get(self._api, self.item, Consistency_Token=self._token)
        if answer.status == 200:
            self.check(answer.json)
        return answer

    def _change(self) -> Answer:
        answer = replace(self._api, self.item, self.version, f'"1.{self.version}"')
        if answer.status == 200:
            assert answer.json["version"] == self.version + 1, answer
            self._took_place(answer)
        elif answer.status == 412:
            assert self.unsure, f"somebody else changed it: {answer}"
            assert answer.headers["etag"] == f'"1.{self.version + 1}"', answer
            self._took_place(answer)
        else:
            # Any other refusal says that the change was not made.
            doubt = answer.json["type"] == UNKNOWN
            self.unsure |= doubt
            self.doubts += doubt
        return answer

    def _took_place(self, answer: Answer) -> None:
        self.version += 1
        self.unsure = False
        self._token = answer.headers.get("consistency-token", self._token)

    def check(self, found: Mapping[str, int]) -> None:
        """Whether this is what it can be."""
        allowed = {self.version, self.version + self.unsure}
        assert found["version"] in allowed, (found, self.version, self.unsure)
        assert found["quantity"] == found["version"] - 1, "each change writes its number"


class Creator:
    """Creates items, each by sending one key until it is confirmed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.name = new_name()
        self.ids: list[str] = []

    def __call__(self) -> Answer:
        key = f"{self.name}-{len(self.ids)}".replace(" ", "-")
        answer = self._api.ask("POST", "/v1/items", {"name": self.name}, Idempotency_Key=key)
        if answer.status == 201:
            self.ids.append(answer.json["id"])
        return answer


def test_a_failover_loses_and_doubles_no_item(api: Api, cluster: Cluster) -> None:
    changers = [Changer(api) for _ in range(3)]
    creator = Creator(api)
    with load(*changers, creator, lambda: api.ask("GET", "/v1/items?limit=5")) as running:
        running.await_more(50, 201)
        # Commits are under way when it dies, the creator's and one of a changer at least.
        with cluster.unconfirmed_commits(2):
            cluster.primary.kill()
        running.await_more(5, 503)
        cluster.promote_standby()
        running.await_more(50, 201)
    # 409: the key is still held by a session whose client has given up.
    check_only(running.answers, 200, 201, 409, 412, 503, api=api)
    assert sum(changer.doubts for changer in changers) >= 1

    eventually(lambda: create(api), "it does not recover")
    for changer in changers:
        final = get(api, changer.item)
        changer.check(final.json)
        assert replace(api, changer.item, 0, final.headers["etag"]).status == 200
    eventually(lambda: creator().status == 201, "the last key is not done")
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = listed(api, creator.name, cursor)
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(creator.ids), "each key has made one item"
