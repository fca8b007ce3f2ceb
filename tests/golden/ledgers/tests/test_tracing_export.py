"""The end of the process does not depend on the collector of traces."""

import socket
import time

import pytest

from ledgers import tracing
from ledgers.settings import Settings


def test_a_collector_that_hangs_does_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracing, "FLUSH_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(otel_exporter_otlp_endpoint=endpoint, trace_sample_ratio=1)
        provider = tracing.build_tracer_provider(settings)
        assert provider is not None
        provider.get_tracer("test").start_span("lost").end()
        began = time.monotonic()
        tracing.close_tracing(provider)
        assert time.monotonic() - began < 2
    assert "traces lost" in caplog.text
