"""The producer's side: what is refused, and what a message looks like."""

from collections.abc import Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from pydantic import ValidationError

from parcels.queue import RESERVED_BYTES, Message, OutgoingMessage
from parcels.queue.memory import MemoryQueue
from parcels.settings import Settings
from parcels.task_queue import NotEnqueuedError, TaskQueue
from parcels.worker.registry import Registry, UnknownTaskError
from tests.bench import Note, Seen, noting


def producer(queue: MemoryQueue, *, max_bytes: int = 4096) -> TaskQueue:
    """What a process has that enqueues tasks."""
    settings = Settings(queue_ordered=queue.ordered, queue_max_message_bytes=max_bytes)
    return TaskQueue(queue, Registry([noting(Seen())]), settings)


async def received(queue: MemoryQueue) -> Message:
    """The message that was sent."""
    [message] = await queue.receive(10, 1)
    return message


async def test_a_message_is_json_and_says_what_it_is() -> None:
    queue = MemoryQueue(60)
    key = await producer(queue).enqueue(Note(text="\N{SNOWMAN}"))
    message = await received(queue)
    assert message.body.decode() == '{"text":"\N{SNOWMAN}"}'
    assert message.attributes == {
        "task": "note",
        "idempotency_key": key,
        "content_type": "application/json",
    }
    assert len(key) == 32


async def test_the_trace_goes_with_the_message() -> None:
    queue = MemoryQueue(60)
    provider = TracerProvider(shutdown_on_exit=False)
    with provider.get_tracer("test").start_as_current_span("request") as span:
        await producer(queue).enqueue(Note())
    sent = (await received(queue)).attributes["traceparent"]
    assert format(span.get_span_context().trace_id, "032x") in sent


async def test_a_trace_state_that_is_too_long_stays_behind() -> None:
    queue = MemoryQueue(60)
    state = trace.TraceState([(f"vendor{number}", "x" * 200) for number in range(4)])
    context = trace.SpanContext(1, 1, is_remote=True, trace_state=state)
    with trace.use_span(trace.NonRecordingSpan(context)):
        await producer(queue).enqueue(Note())
    sent = (await received(queue)).attributes
    assert "traceparent" in sent
    assert "tracestate" not in sent


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": ""}, "key"),
        ({"key": "with space"}, "key"),
        ({"key": "\u00e4"}, "key"),
        ({"key": "line\nbreak"}, "key"),
        ({"key": "k" * 129}, "key"),
        ({"delay": -1}, "delay"),
        ({"delay": 901}, "delay"),
        ({"group": "g"}, "no groups"),
    ],
)
async def test_what_the_queue_would_not_take_is_refused(
    options: dict[str, object], said: str
) -> None:
    queue = MemoryQueue(60)
    with pytest.raises(NotEnqueuedError, match=said):
        await producer(queue).enqueue(Note(), **options)  # type: ignore[arg-type]  # on purpose
    assert (await queue.stats()).visible == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "which group"), ({"group": "g", "delay": 1}, "hold up"), ({"group": ""}, "the group")],
)
async def test_an_ordered_queue_wants_groups_and_no_delays(
    options: dict[str, object], said: str
) -> None:
    with pytest.raises(NotEnqueuedError, match=said):
        await producer(MemoryQueue(60, ordered=True)).enqueue(Note(), **options)  # type: ignore[arg-type]  # on purpose


async def test_a_message_that_is_too_large_is_refused() -> None:
    queue = MemoryQueue(60)
    tasks = producer(queue, max_bytes=2200 + RESERVED_BYTES)
    with pytest.raises(NotEnqueuedError, match="2200 are allowed"):
        await tasks.enqueue(Note(text="x" * 2200))
    await tasks.enqueue(Note(text="x" * 2000))
    with pytest.raises(NotEnqueuedError, match="note: the message has"):
        # Twice as many bytes as characters.
        await tasks.enqueue(Note(text="\u00e4" * 1100))


async def test_what_the_broker_refuses_is_not_enqueued() -> None:
    class Refusing(MemoryQueue):
        async def send(self, messages: Sequence[OutgoingMessage]) -> None:
            raise ValueError(f"the broker refuses {len(messages)} message")

    with pytest.raises(NotEnqueuedError, match="refuses 1 message"):
        await producer(Refusing(60)).enqueue(Note())


async def test_json_is_validated_by_the_task_that_is_named() -> None:
    queue = MemoryQueue(60)
    tasks = producer(queue)
    assert await tasks.enqueue_json("note", '{"text": "a"}', key="k") == "k"
    assert (await received(queue)).body == b'{"text":"a"}'
    with pytest.raises(ValidationError):
        await tasks.enqueue_json("note", '{"text": 1}')
    with pytest.raises(UnknownTaskError):
        await tasks.enqueue_json("nothing", "{}")
