"""Clients that change the same items at the same time, in two processes, with and without a pooler."""

from __future__ import annotations

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import chain

import pytest

from tests.generated.data.api import Answer, Api, check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import address, create, get, listed, new_name, replace
from tests.generated.data.servers import Server, eventually, hold_table

RACERS = 20


def test_of_those_who_know_the_same_version_one_wins(processes: tuple[Api, Api]) -> None:
    one, _ = processes
    item = create(one)
    tag = item.headers["etag"]
    for version in range(2, 5):
        answers = one.together(
            RACERS,
            lambda index, tag=tag: replace(processes[index % 2], item, index, tag),  # type: ignore[misc]
        )
        assert Counter(each.status for each in answers) == {200: 1, 412: RACERS - 1}
        (winner,) = (each for each in answers if each.status == 200)
        assert winner.json["quantity"] == answers.index(winner)
        assert winner.json["version"] == version
        assert {each.headers["etag"] for each in answers if each.status == 412} == {winner.headers["etag"]}
        tag = winner.headers["etag"]
        for each in processes:
            assert get(each, item).json == winner.json


def test_no_update_is_lost(processes: tuple[Api, Api]) -> None:
    """Everybody counts up by one: reads, changes, and starts again when somebody was faster."""
    writers, times = 6, 8
    item = create(processes[0])

    def count_up(index: int) -> Answer:
        api, done = processes[index % 2], 0
        while True:
            seen = get(api, item)
            answer = replace(api, item, seen.json["quantity"] + 1, seen.headers["etag"])
            check_only([seen], 200, api=api)
            check_only([answer], 200, 412, api=api)
            done += answer.status == 200
            if done == times:
                return answer

    processes[0].together(writers, count_up)
    final = get(processes[0], item).json
    assert final["quantity"] == writers * times
    assert final["version"] == 1 + writers * times


def test_a_deletion_races_like_any_other_change(processes: tuple[Api, Api]) -> None:
    one, _ = processes
    winners = set()
    for _ in range(4):
        item = create(one)
        tag = item.headers["etag"]

        def change(index: int, item: Answer = item, tag: str = tag) -> Answer:
            api = processes[index // 2 % 2]
            if index % 2:
                return replace(api, item, index, tag)
            return api.ask("DELETE", address(item), If_Match=tag)

        answers = one.together(8, change)
        (won,) = (each.status for each in answers if each.status in (200, 204))
        # Who comes after a deletion finds nothing; after a change, something else.
        assert {each.status for each in answers} - {won} == {412 if won == 200 else 404}
        assert get(one, item).status == (200 if won == 200 else 404)
        winners.add(won)
    assert winners <= {200, 204}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_without_a_version_is_refused(processes: tuple[Api, Api], method: str) -> None:
    one, other = processes
    item = create(one)
    body = {"name": item.json["name"], "quantity": 7} if method == "PUT" else None
    assert one.ask(method, address(item), body).status == 428
    assert one.ask(method, address(item), body, If_Match='"1.99"').status == 412
    assert get(other, item).json == item.json


def test_pages_are_stable_while_others_insert_and_delete(processes: tuple[Api, Api]) -> None:
    """Nothing twice, nothing of before left out, and a place in the list outlives its item."""
    one, other = processes
    name = new_name()
    before = [create(processes[number % 2], name) for number in range(30)]
    by_id = {each.json["id"]: each for each in before}
    seen: list[str] = []
    cursor = ""
    with load(lambda: create(other, name), times=2) as running:
        while True:
            if len(seen) < 60:
                running.await_more(2, 201)
            else:
                running.end()
            page = listed(one, name, cursor, limit=7)
            seen += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
            last = page["items"][-1]
            if last["id"] in by_id:
                gone = one.ask("DELETE", f"/v1/items/{last['id']}", If_Match=by_id[last["id"]].headers["etag"])
                assert gone.status == 204, gone
    assert len(seen) == len(set(seen)), "nothing twice"
    assert set(seen) >= set(by_id), "nothing left out"
    assert len(seen) > len(by_id), "others did insert meanwhile"


def test_a_key_makes_one_item_however_often_it_is_sent(processes: tuple[Api, Api]) -> None:
    """At one moment, and later, to one process and to the other."""
    one, other = processes
    name = new_name()
    body = {"name": name, "quantity": 1}
    key = f"key-of-{name.replace(' ', '-')}"

    def send(index: int) -> Answer:
        return processes[index % 2].ask("POST", "/v1/items", body, Idempotency_Key=key)

    answers = one.together(RACERS, send)
    check_only(answers, 201, 409, api=one)
    assert all(int(each.headers["retry-after"]) >= 1 for each in answers if each.status == 409)
    answers = [each for each in chain(answers, map(send, range(4))) if each.status == 201]
    assert len({each.text for each in answers}) == 1
    assert sum("idempotency-replayed" not in each.headers for each in answers) == 1, "one has done it"
    assert len(listed(other, name)["items"]) == 1

    changed = other.ask("POST", "/v1/items", {**body, "quantity": 2}, Idempotency_Key=key)
    assert changed.status == 422
    stranger = other.ask("POST", "/v1/items", body, Idempotency_Key=key, Authorization="Bearer somebody")
    assert stranger.status == 201
    assert stranger.json["id"] != answers[0].json["id"], "keys belong to whoever sends them"


def test_a_burst_of_keys_is_done_once_each(processes: tuple[Api, Api]) -> None:
    """Each of several clients sends until it has an answer, to whichever process it comes."""
    name, keys = new_name(), 10

    def insist(index: int) -> Answer:
        for attempt in range(100):
            answer = processes[(index + attempt) % 2].ask(
                "POST", "/v1/items", {"name": name}, Idempotency_Key=f"{name.replace(' ', '-')}-{index % keys}"
            )
            if answer.status != 409:
                return answer
        raise AssertionError(answer)

    answers = processes[0].together(2 * keys, insist)
    check_only(answers, 201)
    assert len({each.json["id"] for each in answers}) == keys
    assert len(listed(processes[0], name)["items"]) == keys


def test_what_a_process_died_of_is_done_by_the_next_one(
    processes: tuple[Api, Api], start: OpenApi, settings: dict[str, str], postgresql: Server
) -> None:
    """It is killed while it writes. The client sends the same key again, to another process."""
    name = new_name()
    body, key = {"name": name}, name.replace(" ", "-")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    victim = start(settings, survives=False)
    with ThreadPoolExecutor(1) as pool, hold_table(postgresql, "items"):
        lost = pool.submit(victim.ask, "POST", "/v1/items", body, Idempotency_Key=key)
        eventually(lambda: postgresql.query(waiting) == "1", "it does not write")
        victim.process.send_signal(signal.SIGKILL)
        with pytest.raises((OSError, HTTPException)):
            lost.result()
        early = processes[0].ask("POST", "/v1/items", body, Idempotency_Key=key)
        assert early.status == 409, "the server has not noticed yet"
    answers = [early]

    def again() -> bool:
        answers.append(processes[0].ask("POST", "/v1/items", body, Idempotency_Key=key))
        return answers[-1].status == 201

    eventually(again, lambda: answers)
    check_only(answers, 201, 409, api=processes[0])
    assert "idempotency-replayed" not in answers[-1].headers, "the first one was not done"
    assert [each["id"] for each in listed(processes[1], name)["items"]] == [answers[-1].json["id"]]
