"""Brokers and services, each started once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from standardized_modules.engines import Facts, open_engine
from tests.conftest import run_sm
from tests.generated.conftest import make
from tests.generated.worker.brokers import VALUES, Broker, Queue, ServiceBus, Sqs
from tests.generated.worker.workers import Workers, open_workers

CLOUDS = {"sqs": "aws", "servicebus": "azure"}


@pytest.fixture(scope="session", params=CLOUDS)
def broker_name(request: pytest.FixtureRequest) -> str:
    """Every test runs on each of them."""
    return str(request.param)


@pytest.fixture(scope="session")
def service(broker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A background_worker for the cloud of the broker, with its own virtual environment."""
    folder = tmp_path_factory.mktemp(f"worker-{broker_name}")
    options = ("--pattern", "background_worker", "--cloud", CLOUDS[broker_name])
    done = run_sm("create-microservice", "orders", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    installed = make(folder / "orders", "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return folder / "orders"


@pytest.fixture(scope="session")
def broker(broker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The engine that `sm dev` starts, too."""
    if broker_name == "servicebus":
        yield ServiceBus()
        return
    facts = Facts("orders", "eu-west-1", VALUES)
    with open_engine("sqs", facts, tmp_path_factory.mktemp("sqs")) as running:
        port = re.search(r":(\d+)$", running.address)
        assert port
        yield Sqs(int(port[1]), facts.region, running.settings)


@pytest.fixture
def queue(broker: Broker, tmp_path: Path) -> Iterator[Queue]:
    """A queue that no other test uses."""
    with broker.queue(tmp_path) as made:
        yield made


OpenWorkers = Callable[[Queue], Workers]


@pytest.fixture
def open_on(service: Path, tmp_path: Path) -> Iterator[OpenWorkers]:
    """Workers on a queue."""
    with ExitStack() as stack:

        def open_(queue: Queue) -> Workers:
            opened: AbstractContextManager[Workers] = open_workers(
                service / ".venv/bin/python", tmp_path / "workers", queue.settings
            )
            (tmp_path / "workers").mkdir()
            return stack.enter_context(opened)

        yield open_
        shutil.rmtree(tmp_path / "workers")


@pytest.fixture
def workers(open_on: OpenWorkers, queue: Queue) -> Workers:
    """Workers on the queue of the test."""
    return open_on(queue)
