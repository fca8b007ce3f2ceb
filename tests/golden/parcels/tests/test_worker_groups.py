"""Ordered queues: one handler a group at a time, and nothing overtakes what failed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from parcels.queue import LockLost, Message
from parcels.worker import PermanentError, TaskContext
from tests.bench import LOCK, Note, Seen, noting, sleeping, working
from tests.faulty import FaultyQueue
from tests.virtual_time import BACKEND, clock, elapsed


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


async def test_what_waits_behind_a_failure_keeps_its_attempts() -> None:
    """Receiving it together with what failed, and giving it back, would count as attempts of it."""
    seen, failures = Seen(), {"1": 5, "2": 4}

    async def body(note: Note, _: TaskContext) -> None:
        if failures.get(note.text):
            failures[note.text] -= 1
            raise OSError("not yet")

    async with working(noting(seen, body), queue_ordered=True, worker_max_attempts=5) as bench:
        for text in "123":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
        letters = await bench.letters()
    assert seen.texts == ["1"] * 5 + ["2"] * 5 + ["3"]
    assert [context.attempt for context in seen.contexts] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1]
    assert [reason for reason, _ in letters] == ["attempts_exhausted"], "of the first, and no other"


async def test_what_lost_its_lock_is_done_again_before_what_came_after_it() -> None:
    class Losing(FaultyQueue):
        async def extend(self, message: Message) -> None:
            if message.delivery_count == 1:
                raise LockLost(message.id)
            await super().extend(message)

    seen, queue = Seen(), Losing(LOCK, ordered=True, clock=clock)
    async with working(noting(seen, sleeping(LOCK / 2)), queue=queue, queue_ordered=True) as bench:
        for text in "12":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await bench.until_empty()
    assert (seen.texts, seen.cancelled) == (["1", "1", "2", "2"], 2)


async def test_what_waits_for_its_turn_waits_in_the_queue() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(10)), queue_ordered=True) as bench:
        for text in "123":
            await bench.tasks.enqueue(Note(text=text), group="g")
        await asyncio.sleep(1)
        held = await bench.queue.stats()
        assert await bench.stopped() == 0
        left = await bench.queue.stats()
    assert (held.visible, held.in_flight) == (2, 1)
    assert (seen.texts, left.visible, left.in_flight) == (["1"], 2, 0)
