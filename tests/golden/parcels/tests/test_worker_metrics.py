"""What the worker tells about its queue."""

import asyncio
import math

import pytest
from prometheus_client import REGISTRY

from parcels.queue import BrokerUnavailable, QueueStats
from parcels.queue.memory import MemoryQueue
from parcels.task_queue import TaskQueue
from parcels.worker import sampler
from parcels.worker.metrics import LAST_POLL
from tests.bench import Note, Seen, noting, sleeping, working
from tests.faulty import FaultyQueue
from tests.observing import sample


def depth(state: str) -> float:
    """The number of messages in a state, as it is exported."""
    value = REGISTRY.get_sample_value("queue_messages", {"state": state})
    assert value is not None
    return value


def test_what_is_not_known_has_no_value() -> None:
    sampler.record(QueueStats(visible=3, dead_letters=1, oldest_age_seconds=7))
    assert (depth("visible"), depth("dead_letter")) == (3, 1)
    assert sample("queue_oldest_message_age_seconds") == 7
    assert math.isnan(depth("in_flight"))
    sampler.record(QueueStats())
    assert math.isnan(depth("visible"))
    assert math.isnan(sample("queue_oldest_message_age_seconds"))


class _Failing(MemoryQueue):
    def __init__(self, *errors: Exception) -> None:
        super().__init__(60)
        self.errors = list(errors)
        self.recovered = asyncio.Event()

    async def stats(self) -> QueueStats:
        if self.errors:
            raise self.errors.pop(0)
        self.recovered.set()
        return await super().stats()


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), RuntimeError("a fault")])
async def test_sampling_goes_on_after_an_error(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "SECONDS", 0.01)
    queue = _Failing(error)
    sampler.record(QueueStats(visible=99))
    async with sampler.sampling(queue):
        await queue.recovered.wait()
        await asyncio.sleep(0)
    assert (depth("visible"), depth("dead_letter")) == (0, 0)


async def test_in_flight_and_the_last_poll_are_exported() -> None:
    async with working(noting(Seen(), sleeping(0.2))) as bench:
        assert isinstance(bench.tasks, TaskQueue)
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(0.1)
        assert sample("tasks_in_flight") == 1
        assert sample("worker_last_poll_timestamp_seconds") > 1_700_000_000
        await bench.until_empty()
    assert sample("tasks_in_flight") == 0


async def test_a_broker_that_never_answered_has_been_silent_since_the_start() -> None:
    LAST_POLL.set(0)
    queue = FaultyQueue(60)
    queue.faults.left["receive"] = 100
    async with working(noting(Seen()), queue=queue):
        await asyncio.sleep(0.1)
        assert queue.faults.calls["receive"] > 0
        assert sample("worker_last_poll_timestamp_seconds") > 1_700_000_000
