"""Connections: a budget that holds, an end to waiting, and passwords that change while they are in use."""

from __future__ import annotations

import threading

import pytest

from tests.generated.data.api import check_only, load
from tests.generated.data.conftest import OpenApi, log_in
from tests.generated.data.servers import Cluster, eventually, open_pooler


def test_an_exhausted_pool_answers_soon_and_recovers(ledgers: Cluster, start_ledger: OpenApi) -> None:
    api = start_ledger(ledgers, database_pool_size=2, database_pool_wait_seconds=0.3, database_replica_hosts="")
    assert api.ask("GET", "/accounts/1").status == 200
    holders = [threading.Thread(target=api.ask, args=("POST", "/hold/3")) for _ in range(2)]
    for each in holders:
        each.start()
    eventually(lambda: api.ask("GET", "/accounts/1").status == 503, "both connections are held")
    answers = api.together(20, lambda _: api.ask("GET", "/accounts/1"))
    check_only(answers, 503, api=api)
    assert max(each.seconds for each in answers) < 2, "0.3 s, and what a busy machine adds"
    for each in holders:
        each.join()
    assert api.ask("GET", "/accounts/1").status == 200


def test_the_budget_of_connections_holds_under_load(ledgers: Cluster, start_ledger: OpenApi) -> None:
    api = start_ledger(ledgers, database_pool_size=3)
    used: list[int] = []
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'ledger\\_%'"
    with load(lambda: api.ask("POST", "/accounts/1/add"), lambda: api.ask("GET", "/accounts/1"), times=8) as running:
        for _ in range(10):
            running.await_more(20, 200)
            used += [int(server.query(count)) for server in (ledgers.primary, ledgers.standby)]
    assert 1 < max(used) <= 3 + 1, "the pool, and the connection that watches"


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooler"])
def test_a_password_changes_under_load(ledgers: Cluster, start_ledger: OpenApi, pooled: bool) -> None:
    """The other login gets a new password, then the file names it; the one in use goes on until it is next."""
    with open_pooler(ledgers.writer.port, ledgers.primary.superuser) as pooler:
        port = pooler.port if pooled else ledgers.writer.port
        api = start_ledger(ledgers, database_port=port, database_pooler=str(pooled).lower(), database_replica_hosts="")
        writes = lambda: api.ask("POST", "/accounts/1/add")  # noqa: E731
        with load(writes, times=4) as running:
            for step, user in enumerate("baba"):
                running.await_more(20, 200)
                ledgers.primary.query(f"ALTER ROLE ledger_{user} PASSWORD 'new-{step}'")
                log_in(ledgers.credentials, user, f"new-{step}")
                # Whoever still uses the old login loses his connection, and comes back as the new one.
                other = "ab"[user == "a"]
                sessions = f"FROM pg_stat_activity WHERE usename = 'ledger_{other}'"
                ledgers.primary.query(f"SELECT pg_terminate_backend(pid) {sessions}")
                eventually(lambda user=user: api.ask("GET", "/who").text == f'"ledger_{user}"', "the new login")
        check_only(running.answers, 200, 503, api=api)
    assert running.statuses()[503] <= 4 * 8, "the broken connections alone"
