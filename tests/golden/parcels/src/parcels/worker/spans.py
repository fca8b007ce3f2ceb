"""Carries the trace of whoever enqueued a task through the message into its handling."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..queue import Message
from .task import Task

_propagator = TraceContextTextMapPropagator()
_NAMES = ("traceparent", "tracestate")
_MAX_STATE = 512
"""What the standard asks everyone to carry; longer ones may be dropped."""
_ASCII = re.compile(r"[\x20-\x7e]+")


def outgoing() -> dict[str, str]:
    """The attributes that say which trace a message belongs to; none without a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    if len(carrier.get("tracestate", "")) > _MAX_STATE:
        del carrier["tracestate"]
    return {name: value for name, value in carrier.items() if _ASCII.fullmatch(value)}


def trace_id(message: Message) -> str | None:
    """The trace of the producer, for the log; it is there whether or not spans are recorded."""
    span = trace.get_current_span(_producer(message))
    context = span.get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None


@contextmanager
def consumer_span(tracer: trace.Tracer, message: Message, task: Task[Any]) -> Iterator[trace.Span]:
    """A span for one attempt: in the producer's trace, and linked to where it was enqueued.

    Names follow the messaging conventions of OpenTelemetry.
    """
    parent = _producer(message)
    origin = trace.get_current_span(parent).get_span_context()
    span = tracer.start_span(
        f"process {task.name}",
        parent,
        trace.SpanKind.CONSUMER,
        attributes={
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.message.id": message.id,
            "messaging.message.body.size": len(message.body),
        },
        links=[trace.Link(origin)] if origin.is_valid else None,
    )
    token = otel_context.attach(trace.set_span_in_context(span, parent))
    try:
        yield span
    except BaseException as error:
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(trace.StatusCode.ERROR)
        if isinstance(error, Exception):
            span.record_exception(error)
        raise
    finally:
        otel_context.detach(token)
        span.end()


def _producer(message: Message) -> otel_context.Context:
    carrier = {name: message.attributes[name] for name in _NAMES if name in message.attributes}
    return _propagator.extract(carrier, otel_context.Context())
