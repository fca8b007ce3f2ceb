"""Visibility and redrive on moto, written by other people than ministack: where both agree, AWS probably does.

Small queues only: each of moto's calls looks at all messages.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.exceptions
import pytest

from standardized_modules.engines.child import Child
from standardized_modules.engines.running import LOOPBACK, free_port
from tests.generated.worker.brokers import Sqs, a_task
from tests.generated.worker.conftest import OpenWorkers
from tests.generated.worker.workers import done, eventually

SETTINGS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="session", params=["sqs"])
def broker_name(request: pytest.FixtureRequest) -> str:
    """The service for AWS."""
    return str(request.param)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sqs]:
    """A server of its own."""
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    with (folder / "moto.log").open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
        child = Child(command, environment=dict(os.environ), folder=folder, output=output)
    try:
        moto = Sqs(port, "eu-west-1", SETTINGS, keeps_keys=False)
        eventually(lambda: _answers(moto, folder), "moto does not start")
        yield moto
    finally:
        child.stop(signal.SIGTERM, seconds=5)


def _answers(moto: Sqs, folder: Path) -> bool:
    try:
        with moto.queue(folder):
            return True
    except botocore.exceptions.EndpointConnectionError:
        return False


def test_a_message_that_is_not_settled_comes_back_and_a_retry_waits(
    broker: Sqs, open_on: OpenWorkers, tmp_path: Path
) -> None:
    with broker.queue(tmp_path) as queue:
        workers = open_on(queue)
        queue.send([a_task("hold", "long")])
        # With nothing else to do, and no room to take the message again: it comes to the other worker.
        first = workers.start(APP_WORKER_HEARTBEAT="false", APP_WORKER_CONCURRENCY="1")
        eventually(lambda: workers.count("begin")["long"] == 1, workers.logs)
        queue.send([a_task("fail", "twice", times=2)])
        second = workers.start(APP_WORKER_HEARTBEAT="false")
        eventually(lambda: workers.count("end")["long"] == 1, workers.logs)
        workers.let_go()
        done(queue, workers)
        for worker in (first, second):
            worker.stop()
        assert workers.count("again") == {"long": 1}
        attempts = [note["attempt"] for note in workers.notes("begin") if note["key"] == "twice"]
        assert attempts == [1, 2, 3]
        assert queue.dead_letters() == []


def test_dead_letters_are_redriven(broker: Sqs, open_on: OpenWorkers, tmp_path: Path) -> None:
    with broker.queue(tmp_path) as queue:
        workers = open_on(queue)
        queue.send([a_task("fail", "once", times=1), a_task("refuse", "never")])
        worker = workers.start(APP_WORKER_MAX_ATTEMPTS="1")
        done(queue, workers)
        worker.stop()
        listed = [json.loads(line) for line in workers.command("dead-letters", "list", "--json").splitlines()]
        assert {letter["reason"] for letter in listed} == {"attempts_exhausted", "permanent_error"}
        workers.command("dead-letters", "redrive")
        assert queue.left() == 2
        again = workers.start()
        done(queue, workers)
        again.stop()
        assert workers.count("end") == {"once": 1}
        (letter,) = queue.dead_letters()
        assert letter.attributes["idempotency_key"] == "never"
