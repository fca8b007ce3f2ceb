"""Handlers that take longer than their lock, and workers that stop."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from parcels.queue import LockLost, Message, OutgoingMessage
from parcels.queue.memory import MemoryQueue
from parcels.worker import TaskContext
from parcels.worker.completer import Completer
from tests.bench import LOCK, Note, Seen, noting, sleeping, working
from tests.faulty import FaultyQueue, FaultyStore
from tests.observing import sample
from tests.virtual_time import BACKEND, clock, elapsed


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    """Time is virtual here."""
    return BACKEND


def counted(outcome: str) -> float:
    """How many messages have ended this way."""
    return sample("tasks_total", task="note", outcome=outcome)


async def test_a_heartbeat_keeps_the_message_of_a_long_handler() -> None:
    seen = Seen()
    queue = FaultyQueue(LOCK, clock=clock)
    async with working(noting(seen, sleeping(10 * LOCK - 1)), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert (seen.texts, seen.ended) == ([""], 1)
    # Three in each period of the lock.
    assert queue.faults.calls["extend"] == 29


async def test_without_a_heartbeat_it_comes_back_once_and_is_not_done_twice() -> None:
    seen, before = Seen(), counted("lock_lost")
    async with working(noting(seen, sleeping(LOCK * 1.2)), worker_heartbeat=False) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert (seen.texts, seen.ended) == ([""], 1)
    assert counted("lock_lost") == before + 1


async def test_a_heartbeat_survives_calls_that_fail() -> None:
    seen = Seen()
    queue = FaultyQueue(LOCK, clock=clock)
    queue.faults.left["extend"] = 2
    async with working(noting(seen, sleeping(3 * LOCK)), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert (seen.texts, seen.cancelled) == ([""], 0)


@pytest.mark.parametrize("error", [LockLost("gone"), RuntimeError("a fault of the adapter")])
async def test_who_loses_the_lock_is_cancelled_and_completes_nothing(error: Exception) -> None:
    seen, before = Seen(), counted("lock_lost")
    queue = FaultyQueue(LOCK, clock=clock)
    queue.faults.left["extend"], queue.faults.error = 1000, error
    async with working(noting(seen, sleeping(5 * LOCK)), queue=queue) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(LOCK)
        assert (seen.running, seen.cancelled, seen.ended) == (0, 1, 0)
        assert counted("lock_lost") == before + 1
        queue.faults.left.clear()
        await bench.until_empty()
    assert (seen.texts, seen.ended) == (["", ""], 1)


async def test_of_two_deliveries_of_a_message_the_one_that_is_ours_is_completed() -> None:
    """A redelivery has the id of the first, and both may end within one batch."""
    queue = MemoryQueue(LOCK, clock=clock)
    await queue.send([OutgoingMessage(b"{}", {})])
    (first,) = await queue.receive(1, 0)
    (second,) = await queue.receive(1, LOCK + 1)
    assert first.id == second.id
    settled: dict[str, bool] = {}
    completer = Completer(queue, lambda: None)
    completer.add(first, lambda ours: settled.update(first=ours))
    completer.add(second, lambda ours: settled.update(second=ours))
    completer.close()
    await completer.run()
    assert settled == {"first": False, "second": True}


async def test_a_claim_that_somebody_else_took_ends_the_handler() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(5 * LOCK))) as bench:
        await bench.tasks.enqueue(Note(), key="same")
        await asyncio.sleep(1)
        store = bench.equipment.store
        store._claims["same"] = ("another", elapsed() + 10 * LOCK)  # type: ignore[attr-defined]  # in memory
        await asyncio.sleep(LOCK)
        assert (seen.running, seen.cancelled) == (0, 1)
        await store.finish("same", "another")
        await bench.until_empty()
    assert seen.texts == [""]


async def test_never_more_at_a_time_than_allowed() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(5)), worker_concurrency=3) as bench:
        for _ in range(20):
            await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        stats = await bench.queue.stats()
        assert (stats.in_flight, stats.visible) == (3, 17), "what has no slot stays in the queue"
        await bench.until_empty()
    assert (seen.most, seen.ended) == (3, 20)
    assert elapsed() < 40


async def test_a_stop_lets_handlers_end() -> None:
    seen, before = Seen(), counted("done")
    async with working(noting(seen, sleeping(10)), worker_concurrency=2) as bench:
        for _ in range(5):
            await bench.tasks.enqueue(Note())
        await asyncio.sleep(4)
        assert await bench.stopped() == 0
        assert elapsed() == pytest.approx(10, abs=0.1)
        assert bench.equipment.lifecycle.phase == "draining"
        stats = await bench.queue.stats()
    assert (seen.ended, counted("done")) == (2, before + 2)
    assert (stats.visible, stats.in_flight) == (3, 0)


async def test_what_does_not_end_in_time_is_given_back() -> None:
    seen, before = Seen(), counted("released")
    async with working(noting(seen, sleeping(100)), worker_shutdown_seconds=15) as bench:
        await bench.tasks.enqueue(Note(), key="same")
        await asyncio.sleep(1)
        assert await bench.stopped() == 0
        assert elapsed() == pytest.approx(16, abs=0.1)
        stats = await bench.queue.stats()
        assert (stats.visible, stats.in_flight) == (1, 0)
        claimed = await bench.equipment.store.claim("same", "successor", 1)
    assert (seen.cancelled, claimed) == (1, "new")
    assert counted("released") == before + 1


async def test_a_second_signal_does_not_wait() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(100)), worker_shutdown_seconds=50) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        bench.worker.stop()
        await asyncio.sleep(2)
        bench.worker.stop()
        assert await bench.running == 1
        assert elapsed() == pytest.approx(3, abs=0.1)
        assert (await bench.queue.stats()).visible == 1


async def test_a_handler_that_will_not_be_cancelled_does_not_keep_the_process() -> None:
    seen = Seen()

    async def stubborn(_note: Note, _context: TaskContext) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                continue

    async with working(noting(seen, stubborn), worker_shutdown_seconds=1) as bench:
        await bench.tasks.enqueue(Note())
        await asyncio.sleep(1)
        assert await bench.stopped() == 0
        assert elapsed() == pytest.approx(7, abs=0.1)


async def test_what_was_done_when_the_stop_came_stays_done() -> None:
    """Between the end of the handler and the note of it there is a moment to be cancelled in."""
    seen, before = Seen(), counted("done")

    async def swallowing(_note: Note, _context: TaskContext) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            asyncio.current_task().cancel()  # type: ignore[union-attr]  # there is one

    note, store = noting(seen, swallowing), FaultyStore(1000, clock=elapsed)
    async with working(note, store=store, worker_shutdown_seconds=1) as bench:
        await bench.tasks.enqueue(Note(), key="same")
        await asyncio.sleep(1)
        await bench.stopped()
        assert await store.claim("same", "successor", 1) == "done"
        stats = await bench.queue.stats()
    assert (stats.visible, stats.in_flight) == (0, 0)
    assert counted("done") == before + 1


async def test_what_arrives_together_with_the_stop_goes_back() -> None:
    class Late(FaultyQueue):
        async def receive(self, limit: int, wait_seconds: float) -> list[Message]:
            try:
                return await super().receive(limit, wait_seconds)
            except asyncio.CancelledError:
                return await super().receive(limit, 0)

    seen, queue = Seen(), Late(LOCK, clock=clock)
    async with working(noting(seen), queue=queue) as bench:
        await asyncio.sleep(1)
        bench.worker.stop()
        await bench.tasks.enqueue(Note())
        assert await bench.running == 0
        stats = await queue.stats()
    assert (seen.texts, stats.visible, stats.in_flight) == ([], 1, 0)


async def test_a_claim_is_kept_by_whoever_holds_it_while_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A handler that fails after its lock was lost is not retried: its message is back already."""
    seen, before = Seen(), counted("lock_lost")

    async def body(_note: Note, _context: TaskContext) -> None:
        await asyncio.sleep(1.5 * LOCK)
        raise OSError("too late")

    async with working(noting(seen, body), worker_heartbeat=False, worker_max_attempts=2) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert counted("lock_lost") >= before + 1
    assert "too late" in caplog.text
