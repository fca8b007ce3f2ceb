"""A broker and a store that do not answer: nothing is lost, and nobody is hammered."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from invoices.idempotency_keys import Claimed
from invoices.queue import BrokerUnavailable, OutgoingMessage
from invoices.worker import Retry, TaskContext, task
from invoices.worker.runtime import ANSWER_SECONDS, WAIT_SECONDS
from tests.bench import LOCK, Note, Seen, failing, noting, sleeping, working
from tests.faulty import FaultyQueue, FaultyStore
from tests.observing import sample
from tests.virtual_time import BACKEND, clock, elapsed


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    """Time is virtual here."""
    return BACKEND


@pytest.fixture
def queue() -> FaultyQueue:
    """The queue behind a bad connection."""
    return FaultyQueue(LOCK, clock=clock)


def errors(operation: str) -> float:
    """Failed calls so far."""
    return sample("queue_errors_total", operation=operation)


async def test_a_broker_that_is_away_is_asked_less_and_less(queue: FaultyQueue) -> None:
    seen, before = Seen(), errors("receive")
    queue.faults.left["receive"] = 7
    async with working(noting(seen), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(0.5)
        with pytest.raises(ConnectionError, match="queue"):
            await bench.equipment.reachability.check()
        await bench.until_empty()
        await bench.equipment.reachability.check()
    # 1 + 2 + 4 + 8 + 16 + 30 + 30, with dice that show the upper end.
    assert seen.times == pytest.approx([91])
    assert errors("receive") == before + 7


async def test_a_poll_that_nobody_answers_is_an_outage(
    queue: FaultyQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_limit: int, _wait: float) -> list[Any]:
        await asyncio.sleep(1e6)
        return []

    monkeypatch.setattr(queue, "receive", never)
    async with working(noting(Seen()), queue=queue) as bench:
        await asyncio.sleep(WAIT_SECONDS + ANSWER_SECONDS + 0.1)
        with pytest.raises(ConnectionError):
            await bench.equipment.reachability.check()
        assert bench.equipment.vitals.fault(300) is None


async def test_a_stop_does_not_wait_for_a_broker_that_is_away(queue: FaultyQueue) -> None:
    queue.faults.left["receive"] = 1000
    async with working(noting(Seen()), queue=queue) as bench:
        await asyncio.sleep(100)
        began = elapsed()
        assert await bench.stopped() == 0
        assert elapsed() - began < 0.1


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), RuntimeError("a fault")])
async def test_completing_is_tried_again(queue: FaultyQueue, error: Exception) -> None:
    seen = Seen()
    queue.faults.left["complete"], queue.faults.error = 2, error
    async with working(noting(seen), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert seen.texts == [""]
    assert queue.faults.calls["complete"] == 3


async def test_what_cannot_be_completed_comes_back_and_is_not_done_again(
    queue: FaultyQueue,
) -> None:
    seen, duplicates = Seen(), sample("tasks_total", task="note", outcome="duplicate")
    queue.faults.left["complete"] = 4
    async with working(noting(seen), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert (seen.texts, elapsed() > LOCK) == ([""], True)
    assert sample("tasks_total", task="note", outcome="duplicate") == duplicates + 1


async def test_slots_are_not_refilled_while_completing_does_not_work(queue: FaultyQueue) -> None:
    seen = Seen()
    queue.faults.left["complete"] = 3
    async with working(noting(seen), queue=queue, worker_concurrency=2) as bench:
        for _ in range(20):
            await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        assert len(seen.texts) <= 6
        await bench.until_empty()
    assert len(seen.texts) == 20


@pytest.mark.parametrize("operation", ["retry", "dead_letter"])
async def test_settling_is_tried_again_and_then_left_to_the_lock(
    queue: FaultyQueue, operation: str
) -> None:
    seen, before = Seen(), errors(operation)
    queue.faults.left[operation] = 4
    attempts = 2 if operation == "retry" else 1
    note = noting(seen, failing(OSError()), Retry(max_attempts=attempts))
    async with working(note, queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
        assert elapsed() > LOCK
    assert errors(operation) == before + (3 if operation == "retry" else 4)
    assert len(await bench.letters()) == 1


async def test_a_retry_that_the_broker_refuses_is_a_dead_letter(queue: FaultyQueue) -> None:
    """A copy too large, say: it would come back at the end of each lock."""
    seen = Seen()
    queue.faults.left["retry"] = 1
    queue.faults.error = ValueError("too large")
    async with working(noting(seen, failing(OSError())), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
        assert elapsed() < 1
    assert seen.texts == [""]
    assert await bench.letters() == [("retry_refused", "ValueError: too large")]


async def test_without_the_store_nothing_is_executed_and_nothing_given_up() -> None:
    seen, store = Seen(), FaultyStore(1000)
    store.faults.left["claim"] = 8
    async with working(noting(seen, retry=Retry(max_attempts=20)), store=store) as bench:
        for _ in range(3):
            await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        with pytest.raises(ConnectionError, match="idempotency store"):
            await bench.equipment.reachability.check()
        assert seen.texts == []
        await bench.until_empty()
        await bench.equipment.reachability.check()
    assert (len(seen.texts), await bench.letters()) == (3, [])


async def test_a_store_that_is_away_uses_up_no_attempts() -> None:
    """Ten minutes of it, held by a heartbeat: what was never executed is not given up."""
    seen, store = Seen(), FaultyStore(1000)
    store.faults.left["claim"] = 10_000
    async with working(noting(seen), store=store, worker_max_attempts=5) as bench:
        for _ in range(3):
            await bench.tasks.enqueue(Note())
        await asyncio.sleep(600)
        store.faults.left.clear()
        await bench.until_empty()
        letters = await bench.letters()
    assert [context.attempt for context in seen.contexts] == [1, 1, 1]
    assert letters == []


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
async def test_a_heartbeat_blames_the_store_when_it_is_the_store(
    queue: FaultyQueue, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is called at night looks at the broker when `extend` fails."""
    seen, store = Seen(), FaultyStore(1000, clock=elapsed)

    async def hang(_key: str, _owner: str, _lease: float) -> Claimed:
        await asyncio.sleep(1e6)
        return "busy"

    async with working(noting(seen, sleeping(LOCK)), queue=queue, store=store) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        extended, claimed = errors("extend"), errors("claim")
        with monkeypatch.context() as away:
            if hangs:
                away.setattr(store, "claim", hang)
            store.faults.left["claim"] = 10_000
            await asyncio.sleep(LOCK - 2)
        store.faults.left.clear()
        await bench.until_empty()
    assert (seen.texts, seen.cancelled) == ([""], 0), "the lock was held all the time"
    assert errors("extend") == extended
    assert errors("claim") > claimed


async def test_without_a_heartbeat_a_message_goes_back_before_its_lock_ends() -> None:
    def counted() -> tuple[float, ...]:
        outcomes = ("retried", "lock_lost")
        return tuple(sample("tasks_total", task="note", outcome=each) for each in outcomes)

    seen, store = Seen(), FaultyStore(1000)
    retried, lost = counted()
    store.faults.left["claim"] = 10_000
    async with working(noting(seen), store=store, worker_heartbeat=False) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(LOCK / 2 + 1)
        assert counted() == (retried + 1, lost)
        store.faults.left.clear()
        await bench.until_empty()
    assert (len(seen.texts), counted()[1]) == (1, lost)


async def test_without_a_heartbeat_a_store_may_be_away_for_half_an_hour() -> None:
    """Each wait uses up a delivery, so waits become longer."""
    seen, store = Seen(), FaultyStore(1000)
    store.faults.left["claim"] = 100_000
    options: dict[str, Any] = {"worker_heartbeat": False, "worker_max_attempts": 10}
    async with working(noting(seen), store=store, **options) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(1800)
        store.faults.left.clear()
        await bench.until_empty()
        letters = await bench.letters()
    assert (len(seen.texts), letters) == (1, [])


async def test_a_stop_does_not_wait_for_a_store_that_is_away() -> None:
    store = FaultyStore(1000)
    store.faults.left["claim"] = 10_000
    async with working(noting(Seen()), store=store) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(60)
        began = elapsed()
        assert await bench.stopped() == 0
        assert elapsed() - began <= LOCK / 8, "the wait that it was in, and no other"
        stats = await bench.queue.stats()
    assert {stats.visible, stats.delayed} == {0, 1}
    assert stats.in_flight == 0


async def test_work_that_cannot_be_recorded_is_still_completed() -> None:
    seen, store, before = Seen(), FaultyStore(1000), errors("finish")
    store.faults.left["finish"] = 1
    async with working(noting(seen), store=store) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert (seen.texts, errors("finish")) == ([""], before + 1)


async def test_a_claim_that_cannot_be_released_ends_by_itself() -> None:
    seen, store = Seen(), FaultyStore(1000, clock=elapsed)
    store.faults.left["release"] = 1
    note = noting(seen, failing(OSError()), Retry(max_attempts=2))
    async with working(note, store=store) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert len(seen.texts) in {1, 2}
    assert len(await bench.letters()) == 1


async def test_what_cannot_be_given_back_comes_back(queue: FaultyQueue) -> None:
    seen = Seen()
    queue.faults.left["release"] = 100
    async with working(
        noting(seen, sleeping(100)), queue=queue, worker_shutdown_seconds=1
    ) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        assert await bench.stopped() == 0
    assert len(await queue.receive(1, 2 * LOCK)) == 1


async def test_a_fault_in_a_validator_is_poison() -> None:
    class Fragile(BaseModel):
        text: str

        @field_validator("text")
        @classmethod
        def _known(cls, text: str) -> str:
            return {"a": "b"}[text]

    @task("fragile")
    async def fragile(_payload: Fragile, _context: TaskContext) -> None:
        raise AssertionError("nobody gets here")

    async with working(fragile) as bench:
        await bench.queue.send([OutgoingMessage(b'{"text": "secret"}', {"task": "fragile"})])
        await bench.until_empty()
        assert elapsed() < 1, "at once, not after a lock"
        assert await bench.letters() == [("invalid_payload", "the model raised KeyError")]


async def test_a_fault_in_the_worker_itself_costs_one_delivery_and_not_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Seen()
    async with working(noting(seen)) as bench:
        with monkeypatch.context() as broken:
            broken.setattr(bench.worker._attempts, "handle", failing(RuntimeError("our own")))
            await bench.tasks.enqueue(Note())
            await asyncio.sleep(1)
        await bench.until_empty()
    assert seen.texts == [""]
