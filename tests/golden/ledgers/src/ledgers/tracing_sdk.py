"""The part of tracing that needs the OpenTelemetry SDK; imported only when tracing is on."""

import random
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
)

from .settings import Settings


class RandomRatio(Sampler):
    """Keeps a share of traces by lot.

    The SDK's TraceIdRatioBased decides by the trace id, and that is the caller's to choose.
    """

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def should_sample(self, *of: Any, **them: Any) -> SamplingResult:  # noqa: ANN401 passed on
        """Draw the lot."""
        lucky = random.random() < self.ratio  # noqa: S311 nothing secret depends on it
        return (ALWAYS_ON if lucky else ALWAYS_OFF).should_sample(*of, **them)

    def get_description(self) -> str:
        """For whoever prints the provider."""
        return f"RandomRatio{{{self.ratio:g}}}"


def tracer_provider(settings: Settings) -> TracerProvider:
    """A provider that exports in batches from a thread of its own.

    With APP_TRUST_TRACE_CONTEXT the caller's decision holds, so a trace is whole or absent.
    Without, its trace id is kept, but whether it costs us a span is for our ratio to say.
    """
    resource = Resource.create(
        {
            "service.name": settings.otel_service_name,
            "service.version": settings.version,
            "deployment.environment.name": settings.environment,
        }
    )
    ratio = RandomRatio(settings.trace_sample_ratio)
    trusted = settings.trust_trace_context
    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(
            ratio,
            remote_parent_sampled=ALWAYS_ON if trusted else ratio,
            remote_parent_not_sampled=ALWAYS_OFF if trusted else ratio,
        ),
        shutdown_on_exit=False,
    )
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
