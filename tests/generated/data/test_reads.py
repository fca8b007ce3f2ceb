"""Reads: from the replica when that is enough, from the primary when it is not, and without anybody noticing."""

from __future__ import annotations

import time

import pytest

from tests.generated.data.api import Api, check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.servers import Cluster, eventually


def reads(api: Api, target: str) -> float:
    return api.metric("database_reads_total", target=target)


def add(api: Api, account: int, **headers: str) -> str:
    """Returns the token."""
    answer = api.ask("POST", f"/accounts/{account}/add", **headers)  # type: ignore[arg-type]
    assert answer.status == 200, answer
    return answer.headers["consistency-token"]


def balance(api: Api, account: int, token: str = "", **headers: str) -> int:
    if token:
        headers["Consistency_Token"] = token
    answer = api.ask("GET", f"/accounts/{account}", **headers)  # type: ignore[arg-type]
    assert answer.status == 200, answer
    return int(answer.json["balance"])


def test_a_client_reads_what_it_wrote_however_far_the_replica_is_behind(
    ledgers: Cluster, start_ledger: OpenApi
) -> None:
    api = start_ledger(ledgers, database_max_replica_lag_seconds=600)
    eventually(lambda: balance(api, 1) == 0 and reads(api, "replica"), "the replica is not used")
    ledgers.standby.pause_replay()
    for number in range(1, 6):
        token = add(api, 1)
        assert balance(api, 1, token) == number
    assert balance(api, 1) == 0, "who does not ask for it gets what the replica has"
    add(api, 2, Authorization="Bearer ada")
    assert balance(api, 2, Authorization="Bearer ada") == 1, "a caller is remembered without a token"
    assert balance(api, 2, Authorization="Bearer bob") == 0

    ledgers.standby.resume_replay()
    eventually(lambda: balance(api, 1) == 5, "the replica does not catch up")

    def by_replica() -> bool:
        before = reads(api, "primary")
        assert balance(api, 1, token) == 5
        return reads(api, "primary") == before

    eventually(by_replica, "the replica has what the token asks for, and is not used")


def test_two_processes_agree_through_the_token(ledgers: Cluster, start_ledger: OpenApi) -> None:
    one, other = (start_ledger(ledgers, database_max_replica_lag_seconds=600) for _ in range(2))
    eventually(lambda: other.metric("database_replica_usable") == 1, "the replica is not used")
    ledgers.standby.pause_replay()
    token = add(one, 1)
    assert balance(other, 1, token) == 1
    assert balance(other, 1) == 0


@pytest.mark.parametrize("token", ["x", "0/0", "FFFFFFFFFFFFFFFFF", "-1"])
def test_a_token_that_is_none_is_the_clients_mistake(ledgers: Cluster, start_ledger: OpenApi, token: str) -> None:
    api = start_ledger(ledgers)
    assert api.ask("GET", "/accounts/1", Consistency_Token=token).status == 400


def test_a_replica_that_lags_is_not_read_from(ledgers: Cluster, start_ledger: OpenApi) -> None:
    api = start_ledger(ledgers, database_max_replica_lag_seconds=1)
    eventually(lambda: api.metric("database_replica_usable") == 1, "the replica is not used")
    ledgers.standby.pause_replay()
    add(api, 1)
    eventually(lambda: balance(api, 1) == 1, "a stale answer from a replica beyond the limit")
    assert api.metric("database_replica_usable") == 0
    assert api.metric("database_replica_lag_seconds") > 1
    ledgers.standby.resume_replay()
    eventually(lambda: api.metric("database_replica_usable") == 1, "it does not come back")
    assert balance(api, 1) == 1


def test_a_replica_that_goes_away_costs_nobody_an_answer(ledgers: Cluster, start_ledger: OpenApi) -> None:
    api = start_ledger(ledgers)
    with load(lambda: api.ask("GET", "/accounts/1"), times=4) as running:
        running.await_more(50, 200)
        ledgers.stop_standby()
        running.await_more(50, 200)
        time.sleep(1)
        running.await_more(50, 200)
    check_only(running.answers, 200, api=api)
