"""What becomes of a message: done, tried again, given up, and never done twice."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from parcels.context import log_context
from parcels.queue import OutgoingMessage
from parcels.queue.memory import MemoryQueue
from parcels.settings import Settings
from parcels.worker import PermanentError, Retry, TaskContext
from tests.bench import LOCK, Note, Seen, failing, noting, sleeping, working
from tests.observing import sample
from tests.virtual_time import BACKEND, clock, elapsed


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    """Time is virtual here."""
    return BACKEND


def counted(outcome: str, task: str = "note") -> float:
    """How many messages have ended this way."""
    return sample("tasks_total", task=task, outcome=outcome)


async def test_a_task_is_done_once_and_completed() -> None:
    seen, before = Seen(), counted("done")
    async with working(noting(seen)) as bench:
        key = await bench.tasks.enqueue(Note(text="hello"), key="k-1")
        await bench.until_empty()
    assert (key, seen.texts, await bench.letters()) == ("k-1", ["hello"], [])
    [context] = seen.contexts
    assert (context.task, context.idempotency_key, context.attempt) == ("note", "k-1", 1)
    assert context.max_attempts == Settings().worker_max_attempts
    assert counted("done") == before + 1


async def test_a_delay_is_kept() -> None:
    seen = Seen()
    async with working(noting(seen)) as bench:
        await bench.tasks.enqueue(Note(), delay=500)
        await bench.until_empty()
    assert seen.times == pytest.approx([500])


@pytest.mark.parametrize(("dice", "waits"), [(1.0, [2, 4, 8, 10]), (0.5, [1, 2, 4, 5])])
async def test_waits_between_attempts_grow_up_to_their_cap(dice: float, waits: list[int]) -> None:
    seen, before = Seen(), counted("retried")
    rules = Retry(max_attempts=5, base_seconds=2, cap_seconds=10)
    async with working(noting(seen, failing(OSError("down")), rules), dice=dice) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    gaps = [after - earlier for earlier, after in zip(seen.times, seen.times[1:], strict=False)]
    assert gaps == pytest.approx(waits)
    assert [context.attempt for context in seen.contexts] == [1, 2, 3, 4, 5]
    assert await bench.letters() == [("attempts_exhausted", "OSError: down")]
    assert counted("retried") == before + 4


async def test_the_settings_rule_where_a_task_has_no_rules() -> None:
    seen = Seen()
    async with working(
        noting(seen, failing(OSError())),
        worker_max_attempts=2,
        worker_retry_base_seconds=20,
        worker_retry_cap_seconds=30,
    ) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert seen.times == pytest.approx([0, 20])


async def test_a_handler_that_wants_to_end_the_process_has_failed() -> None:
    """Other tasks run in it, too."""
    seen = Seen()
    rules = Retry(max_attempts=2)
    async with working(noting(seen, failing(SystemExit(3)), rules)) as bench:
        await bench.tasks.enqueue(Note(text="first"))
        await bench.until_empty()
        assert not bench.running.done()
    assert seen.texts == ["first", "first"]
    assert await bench.letters() == [("attempts_exhausted", "SystemExit: 3")]


async def test_a_dead_letter_is_one_line_of_the_log_with_all_that_is_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with working(noting(Seen(), failing(PermanentError("gone")))) as bench:
        await bench.tasks.enqueue(Note(), key="k-1")
        await bench.until_empty()
    [record] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert (record.message, record.__dict__["reason"]) == ("dead letter", "permanent_error")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], PermanentError)


async def test_logs_of_an_attempt_say_whose_it_is() -> None:
    context: dict[str, str] = {}

    async def body(_note: Note, _context: TaskContext) -> None:
        context.update(log_context.get())

    async with working(noting(Seen(), body)) as bench:
        await bench.tasks.enqueue(Note(), key="k-1")
        await bench.until_empty()
    assert context.keys() == {"task", "message_id", "key", "attempt"}
    assert (context["task"], context["key"], context["attempt"]) == ("note", "k-1", "1")


class _GoneError(Exception):
    """One that the task calls permanent."""


@pytest.mark.parametrize("error", [PermanentError("no such order\n"), _GoneError("no such order ")])
async def test_what_cannot_succeed_is_not_tried_again(error: Exception) -> None:
    seen, before = Seen(), counted("dead_lettered")
    async with working(noting(seen, failing(error), Retry(permanent=(_GoneError,)))) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert seen.texts == [""]
    name = type(error).__qualname__
    assert await bench.letters() == [("permanent_error", f"{name}: no such order ")]
    assert counted("dead_lettered") == before + 1


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (b"\xff{", "note", "undecodable_body"),
        (b"{", "note", "undecodable_body"),
        (b'{"text": 7}', "note", "invalid_payload"),
        (b"[]", "note", "invalid_payload"),
        (b"{}", "unheard_of", "unknown_task"),
        (b"{}", None, "unknown_task"),
    ],
)
async def test_poison_never_loops(body: bytes, name: str | None, reason: str) -> None:
    seen, before = Seen(), counted("dead_lettered", "unknown")
    async with working(noting(seen)) as bench:
        await bench.queue.send([OutgoingMessage(body, {"task": name} if name else {})])
        await bench.until_empty()
        assert elapsed() < 1
    [(found, description)] = await bench.letters()
    assert (found, seen.texts) == (reason, [])
    assert description
    assert counted("dead_lettered", "unknown") == before + 1


async def test_descriptions_tell_where_and_never_what() -> None:
    class Many(BaseModel):
        numbers: list[int]

    async with working(noting(Seen())) as bench:
        note = bench.equipment.registry.named("note")
        object.__setattr__(note, "payload", Many)
        body = b'{"numbers": ["secret", "secret", "secret", "secret", "secret", "secret"]}'
        await bench.queue.send([OutgoingMessage(body, {"task": "note"})])
        await bench.until_empty()
    [(_, description)] = await bench.letters()
    assert "numbers.0" in description
    assert description.endswith("; and 1 more")
    assert "secret" not in description


async def test_a_key_that_was_done_is_not_done_again() -> None:
    seen, before = Seen(), counted("duplicate")
    async with working(noting(seen)) as bench:
        for _ in range(3):
            await bench.tasks.enqueue(Note(), key="same")
            await bench.until_empty()
    assert (seen.texts, counted("duplicate")) == ([""], before + 2)


async def test_a_key_at_work_elsewhere_makes_the_second_message_wait() -> None:
    seen = Seen()
    async with working(noting(seen, sleeping(100))) as bench:
        await bench.tasks.enqueue(Note(), key="same")
        await bench.tasks.enqueue(Note(), key="same")
        await bench.until_empty()
        assert elapsed() < 100 + 2 * LOCK
    assert (seen.texts, await bench.letters()) == ([""], [])


async def test_a_failed_key_is_free_for_the_next_attempt_and_after_a_redrive() -> None:
    seen = Seen()
    rules = Retry(max_attempts=2)
    async with working(noting(seen, failing(OSError()), rules)) as bench:
        await bench.tasks.enqueue(Note(), key="same")
        await bench.until_empty()
        assert await bench.queue.redrive(10) == 1
        await bench.until_empty()
    assert [context.attempt for context in seen.contexts] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("attributes", "warned"),
    [
        ({}, False),
        ({"idempotency_key": "not\tone"}, True),
        ({"idempotency_key": ""}, True),
        ({"idempotency_key": "k" * 129}, True),
    ],
)
async def test_foreign_messages_without_a_usable_key_go_by_their_id(
    caplog: pytest.LogCaptureFixture, attributes: dict[str, str], warned: bool
) -> None:
    seen = Seen()
    async with working(noting(seen, failing(OSError()), Retry(max_attempts=2))) as bench:
        for _ in range(2):
            await bench.queue.send([OutgoingMessage(b"{}", {"task": "note", **attributes})])
        await bench.until_empty()
    # Two sendings are two tasks; the two attempts at each have one key.
    ids = [context.message_id for context in seen.contexts]
    assert [context.idempotency_key for context in seen.contexts] == ids
    assert sorted(ids.count(each) for each in set(ids)) == [2, 2]
    warnings = [each for each in caplog.messages if "idempotency key refused" in each]
    assert bool(warnings) is warned


async def test_deliveries_that_never_ended_count_as_attempts() -> None:
    """Such a message may have killed each process that had it."""
    seen = Seen()
    note = noting(seen, retry=Retry(max_attempts=2))
    async with working(note) as bench:
        await bench.stopped()
        await bench.tasks.enqueue(Note())
        for _ in range(4):
            assert len(await bench.queue.receive(1, LOCK + 1)) == 1
        async with working(note, queue=bench.queue) as successor:
            await successor.until_empty()
    [(reason, description)] = await bench.letters()
    assert (reason, seen.texts) == ("attempts_exhausted", [])
    assert "delivered 5 times" in description


async def test_attempts_that_a_shutdown_cut_off_leave_one_to_come() -> None:
    """By five deployments, each of which gives the task less time than it takes."""
    seen = Seen()
    note = noting(seen, sleeping(40))
    queue = MemoryQueue(LOCK, clock=clock)
    for number in range(6):
        async with working(
            note, queue=queue, worker_shutdown_seconds=5, worker_max_attempts=5
        ) as bench:
            if number == 0:
                await bench.tasks.enqueue(Note())
            await asyncio.sleep(1)
            if number == 5:
                await bench.until_empty()
    assert (seen.cancelled, seen.ended, await queue.dead_letters(1)) == (5, 1, [])
    assert [context.attempt for context in seen.contexts] == [1, 2, 3, 4, 5, 5]


async def test_an_attempt_has_its_time_and_knows_it() -> None:
    seen, left = Seen(), []

    async def body(_: Note, context: TaskContext) -> None:
        left.append(context.time_left())
        await asyncio.sleep(3)
        left.append(context.time_left())
        await asyncio.sleep(100)

    rules = Retry(max_attempts=1)
    async with working(noting(seen, body, rules, timeout=10)) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert left == pytest.approx([10, 7])
    assert await bench.letters() == [("attempts_exhausted", "TimeoutError: ")]


async def test_without_a_heartbeat_the_time_is_that_of_the_lock() -> None:
    seen, left = Seen(), []

    async def body(_: Note, context: TaskContext) -> None:
        left.append(context.time_left())

    async with working(noting(seen, body), worker_heartbeat=False) as bench:
        await bench.tasks.enqueue(Note())
        await bench.until_empty()
    assert left == pytest.approx([LOCK])


async def test_waiting_and_handling_are_measured() -> None:
    waits = sample("task_queue_wait_seconds_sum", task="note")
    durations = sample("task_duration_seconds_sum", task="note")
    attempts = sample("task_attempts_sum", task="note")
    async with working(noting(Seen(), sleeping(7))) as bench:
        await bench.tasks.enqueue(Note(), delay=30)
        await bench.until_empty()
    assert sample("task_queue_wait_seconds_sum", task="note") == pytest.approx(waits + 30)
    assert sample("task_duration_seconds_sum", task="note") == pytest.approx(durations + 7)
    assert sample("task_attempts_sum", task="note") == attempts + 1
