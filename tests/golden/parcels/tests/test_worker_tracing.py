"""One attempt is one span, in the trace of whoever enqueued the task."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from opentelemetry.sdk.trace import TracerProvider

from parcels.settings import Settings
from parcels.tracing import build_tracer_provider, close_tracing
from parcels.worker import PermanentError, TaskContext
from parcels.worker.runtime import Worker
from tests.bench import Bench, Note, Seen, noting, working
from tests.observing import Collector, Lines, attributes


async def handled(bench: Bench, provider: TracerProvider, *texts: str) -> str:
    """Enqueue within a request and let a worker with tracing handle it; returns the trace id."""
    await bench.stopped()
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        for text in texts:
            await bench.tasks.enqueue(Note(text=text))
    worker = Worker(replace(bench.equipment, tracer=tracer))
    running = asyncio.create_task(worker.run())
    await bench.until_empty()
    worker.stop()
    await running
    close_tracing(provider)
    return format(span.get_span_context().trace_id, "032x")


async def test_attempts_are_spans_in_the_producers_trace(collector: Collector) -> None:
    async def body(note: Note, _: TaskContext) -> None:
        if note.text == "bad":
            raise PermanentError("never")

    provider = build_tracer_provider(
        Settings(
            otel_exporter_otlp_endpoint=f"http://127.0.0.1:{collector.server_port}",
            trace_sample_ratio=1,
        )
    )
    assert provider is not None
    async with working(noting(Seen(), body)) as bench:
        trace_id = await handled(bench, provider, "good", "bad")
    good, bad, request = sorted(collector.spans, key=lambda span: (span.name, span.status.code))
    assert [span.name for span in (good, bad, request)] == ["process note"] * 2 + ["request"]
    assert {span.trace_id.hex() for span in collector.spans} == {trace_id}
    assert good.parent_span_id == request.span_id
    assert [link.span_id for link in good.links] == [request.span_id]
    assert (good.kind, good.status.code) == (5, 0), "a consumer"
    assert attributes(good)["messaging.operation.type"] == "process"
    assert (bad.status.code, attributes(bad)["error.type"]) == (2, "PermanentError")


async def test_log_lines_carry_the_trace_also_when_nothing_is_recorded(
    start: Callable[[], Lines],
) -> None:
    lines = start()

    async def body(_: Note, __: TaskContext) -> None:
        raise PermanentError("never")

    async with working(noting(Seen(), body)) as bench:
        trace_id = await handled(bench, TracerProvider(shutdown_on_exit=False), "bad")
    [letter] = lines.read("parcels.worker.attempt")
    assert (letter["trace_id"], letter["task"], letter["attempt"]) == (trace_id, "note", "1")
    assert letter["message_id"]
    assert (letter["reason"], letter["description"]) == ("permanent_error", "PermanentError: never")
