"""Every message is handled, set aside with a reason, or still there: never lost, never stuck."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.generated.worker.brokers import FORGETFUL, Broker, Queue, Sent, a_task
from tests.generated.worker.conftest import OpenWorkers
from tests.generated.worker.workers import Workers, done, eventually

LONG_LOCK = 8
"""Seconds. As many again may pass between a message's return and the end of its key."""


def test_every_task_is_done_once(queue: Queue, workers: Workers) -> None:
    keys = {f"key-{number}" for number in range(200)}
    queue.send(a_task("work", key) for key in keys)
    worker = workers.start()
    done(queue, workers)
    worker.stop()
    assert workers.effects == keys
    assert set(workers.count("begin").values()) == {1}
    assert queue.dead_letters() == []


def test_a_message_that_comes_twice_is_executed_once(queue: Queue, workers: Workers) -> None:
    queue.send(a_task("work", "the-same") for _ in range(5))
    worker = workers.start()
    done(queue, workers)
    worker.stop()
    assert workers.count("begin") == {"the-same": 1}


def test_retries_wait_as_the_policy_says(queue: Queue, workers: Workers) -> None:
    queue.send(a_task("fail", f"key-{number}", times=3) for number in range(5))
    worker = workers.start()
    done(queue, workers)
    worker.stop()
    announced = [line for line in worker.lines() if "retry_in_seconds" in line]
    assert len(announced) == 15
    for key in {f"key-{number}" for number in range(5)}:
        begins = [note for note in workers.notes("begin") if note["key"] == key]
        fails = [note for note in workers.notes("failed") if note["key"] == key]
        assert [note["attempt"] for note in begins] == [1, 2, 3, 4]
        assert workers.count("end")[key] == 1
        assert len(fails) == 3
    for line in announced:
        # Full jitter: anything up to the base, doubled with every attempt, up to the cap.
        assert 0 <= line["retry_in_seconds"] <= min(5, 0.5 * 2 ** (int(line["attempt"]) - 1))
    waits = {(line["message_id"], int(line["attempt"])): line["retry_in_seconds"] for line in announced}
    assert len(set(waits.values())) > 5, "jitter differs"
    for (_, attempt), wait in waits.items():
        # Which key a message had is not in the log; no key may have come back sooner than the shortest wait.
        shortest = min(seconds for (_, other), seconds in waits.items() if other == attempt)
        assert wait >= shortest
        for key in {f"key-{number}" for number in range(5)}:
            failed = next(n for n in workers.notes("failed") if (n["key"], n["attempt"]) == (key, attempt))
            begun = next(n for n in workers.notes("begin") if (n["key"], n["attempt"]) == (key, attempt + 1))
            assert begun["at"] - failed["at"] > shortest - 0.1
    assert queue.dead_letters() == []


def test_a_permanent_error_is_set_aside_at_once(queue: Queue, workers: Workers) -> None:
    queue.send([a_task("refuse", "bad")])
    worker = workers.start()
    done(queue, workers)
    worker.stop()
    (letter,) = queue.dead_letters()
    assert letter.reason == "permanent_error"
    assert "no such invoice" in letter.description
    assert (letter.attributes["task"], letter.attributes["idempotency_key"]) == ("refuse", "bad")
    assert workers.count("begin") == {"bad": 1}


def test_attempts_end(queue: Queue, workers: Workers) -> None:
    queue.send([a_task("fail", "never", times=99)])
    worker = workers.start(APP_WORKER_MAX_ATTEMPTS="3", APP_WORKER_RETRY_CAP_SECONDS="0.5")
    done(queue, workers)
    worker.stop()
    (letter,) = queue.dead_letters()
    assert letter.reason == "attempts_exhausted"
    assert [note["attempt"] for note in workers.notes("failed")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Sent("not JSON", {"task": "work"}), "undecodable_body"),
        (Sent('{"times": "many"}', {"task": "fail"}), "invalid_payload"),
        (Sent("{}", {"task": "unheard_of"}), "unknown_task"),
        (Sent("{}", {"anything": "else"}), "unknown_task"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_task_never_loops(queue: Queue, workers: Workers, message: Sent, reason: str) -> None:
    queue.send([message, a_task("work", "good")])
    worker = workers.start()
    done(queue, workers)
    worker.stop()
    (letter,) = queue.dead_letters()
    assert (letter.reason, letter.body) == (reason, message.body)
    assert workers.effects == {"good"}
    refused = [line for line in worker.lines() if line.get("reason") == reason]
    assert len(refused) == 1, "it was looked at once"


def test_a_heartbeat_keeps_a_long_task(queue: Queue, workers: Workers) -> None:
    queue.send([a_task("work", "long", seconds=[queue.lock_seconds * 2.5])])
    two = [workers.start(), workers.start()]
    done(queue, workers)
    for worker in two:
        worker.stop()
    assert workers.count("begin") == workers.count("end") == {"long": 1}


def test_without_a_heartbeat_a_long_task_comes_once_more(broker: Broker, open_on: OpenWorkers, tmp_path: Path) -> None:
    """It finds its key taken, then done: the handler runs once."""
    with broker.queue(tmp_path, lock_seconds=LONG_LOCK) as queue:
        workers = open_on(queue)
        queue.send([a_task("hold", "long")])
        two = [workers.start(APP_WORKER_HEARTBEAT="false") for _ in range(2)]

        def outcomes() -> Counter[str]:
            return sum((worker.outcomes() for worker in two), Counter[str]())

        eventually(lambda: workers.count("begin"), workers.logs)
        eventually(lambda: outcomes()["retried"], workers.logs)
        workers.let_go()  # A claim without heartbeat lasts two locks, of which little more than one is over.
        eventually(lambda: outcomes()["duplicate"], workers.logs)
        done(queue, workers)
        seen = outcomes()
        for worker in two:
            worker.stop()
        # The message was no longer its own when the handler had ended, but the key was.
        assert (seen["done"], seen["lock_lost"], seen["duplicate"]) == (0, 1, 1)
        assert workers.count("begin") == workers.count("end") == {"long": 1}
        assert workers.count("again") == {}
        assert workers.effects == {"long"}
        assert queue.dead_letters() == []


def test_a_store_that_forgot_a_key_lets_its_task_run_once_more(queue: Queue, workers: Workers) -> None:
    """What idempotency keys are for, seen without them: the message comes back, and is executed again."""
    queue.send([a_task("hold", "long")])
    alone = {"APP_WORKER_HEARTBEAT": "false", **FORGETFUL}
    # It has no room for the message a second time, so the other worker gets it.
    first = workers.start(APP_WORKER_CONCURRENCY="1", **alone)
    eventually(lambda: workers.count("begin"), workers.logs)
    second = workers.start(**alone)
    eventually(lambda: workers.count("end"), workers.logs)
    workers.let_go()
    eventually(lambda: workers.count("end")["long"] == 2, workers.logs)
    done(queue, workers)
    for worker in (first, second):
        worker.stop()
    assert [(note["attempt"], note["pid"]) for note in workers.notes("begin")] == [(1, first.pid), (2, second.pid)]
    assert workers.count("again") == {"long": 1}
    assert workers.effects == {"long"}
    assert queue.dead_letters() == []


def test_sigterm_in_the_middle_finishes_what_began(queue: Queue, workers: Workers) -> None:
    keys = {f"key-{number}" for number in range(30)}
    queue.send(a_task("work", key, seconds=[1]) for key in keys)
    first = workers.start()
    eventually(lambda: len(workers.notes("begin")) >= 5, workers.logs)
    first.stop()
    assert workers.count("begin") == workers.count("end")
    assert len(workers.effects) < 30
    second = workers.start()
    done(queue, workers)
    second.stop()
    assert workers.effects == keys
    assert set(workers.count("begin").values()) == {1}


def test_what_does_not_end_in_time_is_given_back(queue: Queue, workers: Workers) -> None:
    queue.send([a_task("work", "slow", seconds=[600, 0])])
    first = workers.start(APP_WORKER_SHUTDOWN_SECONDS="0.5")
    eventually(lambda: workers.notes("begin"), workers.logs)
    first.stop()
    second = workers.start()
    done(queue, workers)
    second.stop()
    assert [note["event"] for note in workers.notes()] == ["begin", "begin", "end"]


def test_a_second_signal_hurries(queue: Queue, workers: Workers) -> None:
    queue.send([a_task("work", "slow", seconds=[600, 0])])
    first = workers.start(APP_WORKER_SHUTDOWN_SECONDS="60")
    eventually(lambda: workers.notes("begin"), workers.logs)
    first.signal(signal.SIGTERM)
    eventually(lambda: any(line["message"] == "draining" for line in first.lines()), workers.logs)
    first.signal(signal.SIGTERM)
    first.wait()
    second = workers.start()
    done(queue, workers)
    second.stop()
    assert workers.effects == {"slow"}


def test_dead_letters_are_redriven(queue: Queue, workers: Workers) -> None:
    queue.send(a_task("fail", f"key-{number}", times=1) for number in range(12))
    worker = workers.start(APP_WORKER_MAX_ATTEMPTS="1")
    done(queue, workers)
    worker.stop()
    listed = workers.command("dead-letters", "list", "--limit", "50", "--json").splitlines()
    assert len(listed) == 12
    assert {json.loads(line)["reason"] for line in listed} == {"attempts_exhausted"}
    workers.command("dead-letters", "redrive")
    assert queue.left() == 12
    again = workers.start(APP_WORKER_MAX_ATTEMPTS="2")
    done(queue, workers)
    again.stop()
    assert len(workers.count("end")) == 12
    assert [note["attempt"] for note in workers.notes("end")] == [2] * 12
    assert queue.dead_letters() == []
