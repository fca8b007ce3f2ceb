"""What tests see of a process: log lines, metrics and spans."""

import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import REGISTRY

from ledgers.logs import configure_logging


def sample(name: str, **labels: str) -> float:
    """The present value of a metric; 0 when it has never been touched."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Lines:
    """Logging as in production, and what it has written since the last look."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        root = logging.getLogger()
        self.handlers, self.level = root.handlers[:], root.level
        configure_logging("INFO")

    def restore(self) -> None:
        """Logging as it was before."""
        root = logging.getLogger()
        root.handlers[:] = self.handlers
        root.setLevel(self.level)
        logging.captureWarnings(capture=False)

    def read(self, logger: str) -> list[dict[str, object]]:
        """The entries of one logger; every line must be JSON."""
        entries = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        return [entry for entry in entries if entry["logger"] == logger]


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


def attributes(span: Span) -> dict[str, object]:
    """The attributes of a span by name."""
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
