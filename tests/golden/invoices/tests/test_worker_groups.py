"""Ordered queues: one handler a group at a time, and nothing overtakes what failed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from invoices.worker import PermanentError, TaskContext
from tests.bench import LOCK, Note, Seen, noting, sleeping, working
from tests.virtual_time import BACKEND, elapsed


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    """Time is virtual here."""
    return BACKEND


async def test_groups_are_handled_side_by_side_and_each_in_its_order() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(5)), queue_ordered=True) as bench:
        for number in range(3):
            for group in "ab":
                await bench.tasks.enqueue(Note(text=f"{group}{number}"), group=group)
        await bench.until_empty()
        assert elapsed() == pytest.approx(15, abs=0.5)
    assert [text for text in seen.texts if text[0] == "a"] == ["a0", "a1", "a2"]
    assert [text for text in seen.texts if text[0] == "b"] == ["b0", "b1", "b2"]
    assert seen.most == 2


async def test_what_failed_is_tried_again_before_what_came_after_it() -> None:
    seen, failures = Seen(), 2

    async def body(note: Note, _: TaskContext) -> None:
        nonlocal failures
        if note.text == "1" and failures:
            failures -= 1
            raise OSError("not yet")

    async with working(noting(seen, body), queue_ordered=True) as bench:
        for text in "123":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
    assert seen.texts == ["1", "1", "1", "2", "3"]


async def test_what_was_given_up_holds_nobody_up() -> None:
    seen = Seen()

    async def body(note: Note, _: TaskContext) -> None:
        if note.text == "1":
            raise PermanentError("never")

    async with working(noting(seen, body), queue_ordered=True) as bench:
        for text in "12":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
        assert elapsed() < 1
    assert seen.texts == ["1", "2"]


async def test_a_heartbeat_keeps_those_that_wait_for_their_turn() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(LOCK)), queue_ordered=True) as bench:
        for text in "1234":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
    assert seen.texts == ["1", "2", "3", "4"]
    assert [context.attempt for context in seen.contexts] == [1, 1, 1, 1]


async def test_without_a_heartbeat_those_that_waited_too_long_are_given_back() -> None:
    seen = Seen()
    note = noting(seen, sleeping(LOCK * 0.6))
    async with working(note, queue_ordered=True, worker_heartbeat=False) as bench:
        for text in "123":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
    assert seen.texts == ["1", "2", "3"]


async def test_a_stop_gives_those_back_that_wait_for_their_turn() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(10)), queue_ordered=True) as bench:
        for text in "123":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await asyncio.sleep(1)
        assert await bench.stopped() == 0
        stats = await bench.queue.stats()
    assert (seen.texts, stats.visible, stats.in_flight) == (["1"], 2, 0)


async def test_one_that_waits_when_the_time_is_over_is_given_back() -> None:
    seen = Seen()
    note = noting(seen, sleeping(100))
    async with working(note, queue_ordered=True, worker_shutdown_seconds=1) as bench:
        for text in "12":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await asyncio.sleep(1)
        await bench.stopped()
        stats = await bench.queue.stats()
    assert (seen.texts, seen.cancelled, stats.visible) == (["1"], 1, 2)
