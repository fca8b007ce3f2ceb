"""OpenTelemetry traces, exported over OTLP/HTTP when a collector is configured."""

import logging
import threading
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

FLUSH_SECONDS = 3.0
"""How long the end of the process may wait for the collector; part of the pod's grace period."""

_log = logging.getLogger(__name__)


def build_tracer_provider(settings: Settings) -> "TracerProvider | None":
    """A provider with a batching exporter, or None when tracing is off.

    The SDK is imported only here: with tracing off it costs neither start-up time nor memory.
    """
    if not settings.otel_exporter_otlp_endpoint:
        return None
    from .tracing_sdk import tracer_provider  # noqa: PLC0415 see above

    return tracer_provider(settings)


def close_tracing(provider: "TracerProvider | None") -> None:
    """Send what is left, once the last request has ended.

    The SDK's own timeouts do not bound a collector that hangs, so a thread waits for it and we wait
    for the thread: telemetry never decides when the process ends.
    """
    if provider is None:
        return
    flush = threading.Thread(target=provider.shutdown, name="flush-traces", daemon=True)
    flush.start()
    flush.join(FLUSH_SECONDS)
    if flush.is_alive():
        _log.warning("traces lost: no answer from the collector", extra={"seconds": FLUSH_SECONDS})
