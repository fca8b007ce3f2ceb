"""Spans of sampled requests reach a collector over real HTTP; without one nothing is loaded."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from order_events_api.settings import Settings
from tests.support import client_for, misbehaving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(ThreadingHTTPServer):
    """Keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """One export."""
        body = self.rfile.read(int(self.headers["content-length"]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _settings(collector: Collector, ratio: float) -> Settings:
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    return Settings(otel_exporter_otlp_endpoint=endpoint, trace_sample_ratio=ratio)


def _attributes(span: Span) -> dict[str, object]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


async def test_a_sampled_request_is_one_span(collector: Collector) -> None:
    async with client_for(_settings(collector, 1), misbehaving) as client:
        await client.get("/v1/things/5")
        await client.get("/v1/things/5/crash")
        await client.get("/livez")
        await client.get("/none")
    good, bad, lost = collector.spans
    assert good.name == "GET /v1/things/{number}"
    attributes = _attributes(good)
    assert attributes["http.route"] == "/v1/things/{number}"
    assert attributes["http.response.status_code"] == 200
    assert bad.status.code == 2
    assert lost.name == "GET"


@pytest.mark.parametrize(("flag", "spans"), [("01", 1), ("00", 0)])
async def test_the_callers_decision_wins(collector: Collector, flag: str, spans: int) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flag}"}
    ratio = 0.0 if spans else 1.0
    async with client_for(_settings(collector, ratio), misbehaving) as client:
        await client.get("/v1/things/5", headers=headers)
    assert [span.trace_id.hex() for span in collector.spans] == [TRACE] * spans


_LOADS_SDK = """
import sys
from order_events_api.app import create_app
from order_events_api.settings import Settings
create_app(Settings())
sys.exit(any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


def test_with_tracing_off_the_sdk_is_never_imported() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADS_SDK], check=False)  # noqa: S603 our own code
    assert done.returncode == 0
