"""The primary goes away under load: no wrong answer, no 500, and it is over by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.generated.data.api import Answer, Api, Load, check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.servers import Cluster, eventually, open_pooler

WRITERS = 4


@pytest.fixture(params=["direct", "pooler"])
def api(request: pytest.FixtureRequest, ledgers: Cluster, start_ledger: OpenApi) -> Iterator[Api]:
    """Straight to the servers, and with PgBouncer in front of the primary."""
    if request.param == "direct":
        yield start_ledger(ledgers)
        return
    with open_pooler(ledgers.writer.port, ledgers.primary.superuser) as pooler:
        yield start_ledger(ledgers, database_port=pooler.port, database_pooler="true", database_replica_hosts="")


class Client:
    """Adds to an account of its own and reads it back with the token; nobody else changes it."""

    def __init__(self, api: Api, account: int) -> None:
        self._api, self.account = api, account
        self.done = self.refused = 0
        self._token = ""

    def __call__(self) -> Answer:
        if self._token:
            answer = self._api.ask("GET", f"/accounts/{self.account}", Consistency_Token=self._token)
            if answer.status == 200:
                assert self.done <= answer.json["balance"] <= self.done + self.refused, (answer, self.done)
            self._token = ""
            return answer
        answer = self._api.ask("POST", f"/accounts/{self.account}/add")
        if answer.status == 200:
            self.done += 1
            self._token = answer.headers.get("consistency-token", "")
            assert self.done <= answer.json["balance"] <= self.done + self.refused, (answer, self.done)
        else:
            self.refused += 1
        return answer


def balances(cluster: Cluster) -> list[int]:
    return [int(each) for each in cluster.query("SELECT balance FROM accounts ORDER BY id").split()]


def check_books(cluster: Cluster, clients: list[Client]) -> None:
    """What was confirmed is there once; what was refused is there once or not at all."""
    for client, found in zip(clients, balances(cluster), strict=False):
        assert client.done <= found <= client.done + client.refused


def test_a_failover_loses_and_doubles_nothing(api: Api, ledgers: Cluster) -> None:
    clients = [Client(api, number + 1) for number in range(WRITERS)]
    with load(*clients) as running:
        running.await_more(100, 200)
        ledgers.primary.kill()
        running.await_more(5, 503)
        ledgers.promote_standby()
        recovered(running)
        running.await_more(100, 200)
    check_only(running.answers, 200, 503, api=api)
    check_books(ledgers, clients)
    assert sum(client.refused for client in clients) > 0, "the outage was seen"


def test_a_primary_that_hangs_is_like_one_that_is_gone(api: Api, ledgers: Cluster) -> None:
    clients = [Client(api, number + 1) for number in range(WRITERS)]
    with load(*clients) as running:
        running.await_more(50, 200)
        ledgers.primary.pause()
        running.await_more(3, 503)
        ledgers.primary.resume()
        recovered(running)
        running.await_more(50, 200)
    check_only(running.answers, 200, 503, api=api)
    check_books(ledgers, clients)


def test_connections_that_break_are_replaced(api: Api, ledgers: Cluster) -> None:
    """An administrator, a restart of the pooler, an idle connection that a firewall forgot."""
    clients = [Client(api, number + 1) for number in range(WRITERS)]
    with load(*clients) as running:
        for _ in range(5):
            running.await_more(20, 200)
            ledgers.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'ledger' AND pid <> pg_backend_pid()"
            )
        recovered(running)
    check_only(running.answers, 200, 503, api=api)
    check_books(ledgers, clients)


def recovered(running: Load) -> None:
    """A whole second without a refusal."""

    def quiet() -> bool:
        now = time.monotonic()
        time.sleep(1)
        seen = running.statuses(now)
        return seen[200] > 0 and seen.keys() == {200}

    eventually(quiet, lambda: Counter(each.status for each in running.answers[-50:]))


def test_without_a_primary_reads_go_on_and_writes_wait_for_another_day(ledgers: Cluster, start_ledger: OpenApi) -> None:
    api = start_ledger(ledgers)
    assert api.ask("POST", "/accounts/1/add").status == 200
    ledgers.standby.catch_up_with(ledgers.primary)
    # A process that has just started knows the lag of no replica for the half second between two looks.
    eventually(lambda: api.metric("database_replica_usable") == 1, "the replica is not used")
    with load(lambda: api.ask("GET", "/accounts/1"), times=2) as readers:
        readers.await_more(20, 200)
        ledgers.primary.kill()
        refused = api.ask("POST", "/accounts/1/add")
        eventually(lambda: api.ask("POST", "/accounts/1/add").status == 503, "it is away")
        readers.await_more(100, 200)
        assert api.is_ready(), "it can still serve reads"
        ledgers.primary.start()
        eventually(lambda: api.ask("POST", "/accounts/1/add").status == 200, "it does not come back")
    check_only(readers.answers, 200, api=api)
    check_only([refused], 503, api=api)
    assert refused.headers["content-type"] == "application/problem+json"


def test_an_old_primary_that_became_read_only_is_left(ledgers: Cluster, start_ledger: OpenApi) -> None:
    """A failover by name: connections to the old one stay open, and it refuses writes."""
    api = start_ledger(ledgers, database_replica_hosts="")
    assert api.ask("POST", "/accounts/1/add").status == 200
    ledgers.primary.query("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
    ledgers.standby.promote()
    ledgers.standby.query("ALTER SYSTEM RESET default_transaction_read_only")
    ledgers.writer.to(ledgers.standby.port)  # what is open stays where it is
    answers = [api.ask("POST", "/accounts/1/add") for _ in range(50)]
    check_only(answers, 200, 503, api=api)
    assert answers[-1].status == 200, "it found the new one by itself"
    assert int(ledgers.standby.query("SELECT balance FROM accounts WHERE id = 1", "ledger")) == 1 + sum(
        each.status == 200 for each in answers
    )


def test_updates_with_a_version_never_overwrite_each_other(api: Api, ledgers: Cluster) -> None:
    """Races on one account: of those who know the same version one wins."""
    version = 0
    for _ in range(5):
        known = str(version)
        answers = api.together(
            20, lambda index, known=known: api.ask("PUT", f"/accounts/1?balance={index}", If_Match=known)
        )
        check_only(answers, 200, 412, 503, api=api)
        winners = [each for each in answers if each.status == 200]
        assert len(winners) == 1
        version = winners[0].json["version"]
        assert balances(ledgers)[0] == winners[0].json["balance"]
