"""Workers are killed, the broker goes away: nothing is lost, nothing takes effect twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from tests.generated.worker.brokers import Broker, a_task
from tests.generated.worker.conftest import OpenWorkers
from tests.generated.worker.proxy import open_proxy
from tests.generated.worker.workers import done, eventually

MESSAGES, COPIES, WORKERS, KILLS = 2000, 100, 4, 50
LOCK_SECONDS = 5
"""A busy machine must not look like a worker that died."""


def test_fifty_kills_lose_nothing(broker: Broker, open_on: OpenWorkers, tmp_path: Path) -> None:
    """A worker is killed at fifty random points of progress, and replaced; some keys come twice."""
    chance = random.Random(4)  # noqa: S311 the same points in every run
    keys = [f"key-{number}" for number in range(MESSAGES - COPIES)]
    sent = keys + chance.sample(keys, COPIES)
    chance.shuffle(sent)
    with broker.queue(tmp_path, lock_seconds=LOCK_SECONDS) as queue:
        workers = open_on(queue)
        queue.send(a_task("work", key, seconds=[chance.choice([0, 0.01, 0.05, 0.2])]) for key in sent)
        running = [workers.start() for _ in range(WORKERS)]
        killed = set()
        for point in sorted(chance.sample(range(10, len(keys) - 50), KILLS)):
            eventually(lambda point=point: len(workers.effects) >= point, workers.logs)
            time.sleep(chance.random() / 20)
            victim = running.pop(chance.randrange(WORKERS))
            victim.kill()
            killed.add(victim.pid)
            running.append(workers.start())
        done(queue, workers)
        for worker in running:
            worker.stop()
        assert queue.dead_letters() == [], "none was given up"
    assert workers.effects == set(keys), "every message is handled"
    assert len(killed) == KILLS
    ends = Counter(note["key"] for note in workers.notes("end") if note["pid"] not in killed)
    assert set(ends.values()) == {1}, "what a worker finished that lived on is not executed again"


def test_a_broker_that_was_away_is_found_again(broker: Broker, open_on: OpenWorkers, tmp_path: Path) -> None:
    with open_proxy() as proxy, broker.queue(tmp_path, through=proxy.to) as queue:
        workers = open_on(queue)
        worker = workers.start()
        queue.send(a_task("work", f"before-{number}", seconds=[0.05]) for number in range(40))
        eventually(lambda: len(workers.effects) >= 10, workers.logs)
        proxy.cut()
        queue.send(a_task("work", f"during-{number}") for number in range(10))
        eventually(lambda: any(line["message"] == "queue does not answer" for line in worker.lines()), workers.logs)
        assert not workers.crashed()
        proxy.restore()
        queue.send(a_task("work", f"after-{number}") for number in range(10))
        done(queue, workers)
        worker.stop()
        assert len(workers.effects) == 60
        assert queue.dead_letters() == []
