"""OpenTelemetry traces, exported over OTLP/HTTP when a collector is configured."""

from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def build_tracer_provider(settings: Settings) -> "TracerProvider | None":
    """A provider with a batching exporter, or None when tracing is off.

    The SDK is imported only here: with tracing off it costs neither start-up time nor memory.
    The sampler follows the caller's decision when there is one, so a trace is whole or absent.
    """
    if not settings.otel_exporter_otlp_endpoint:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 see above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 see above
    from opentelemetry.sdk.trace.sampling import (  # noqa: PLC0415 see above
        ParentBased,
        TraceIdRatioBased,
    )

    resource = Resource.create(
        {
            "service.name": settings.otel_service_name,
            "service.version": settings.version,
            "deployment.environment.name": settings.environment,
        }
    )
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
