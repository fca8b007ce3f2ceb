"""A server span for each request that is sampled, and a trace id for every one.

The stock ASGI instrumentation does the same and more, at several times the price for requests
that are *not* sampled, which are nearly all; here they get a trace id for the logs and no more.
"""

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..http_metrics import METHODS, OTHER_METHOD
from ..probes import PATHS as PROBES
from .request_context import route_template

_NAMES = {"traceparent": b"traceparent", "tracestate": b"tracestate"}


class _HeaderGetter(Getter[Scope]):
    def get(self, carrier: Scope, key: str) -> list[str] | None:
        wanted = _NAMES[key]
        found = [value.decode("latin-1") for name, value in carrier["headers"] if name == wanted]
        return found or None

    def keys(self, carrier: Scope) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


_propagator = TraceContextTextMapPropagator()
_getter = _HeaderGetter()


class TracingMiddleware:
    """Surrounds every other layer, so that their time is part of the span."""

    def __init__(self, app: ASGIApp, provider: trace.TracerProvider) -> None:
        self.app = app
        self.tracer = provider.get_tracer(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        # All-zero ids and version ff, which the standard forbids, start a trace of our own.
        parent = _propagator.extract(scope, getter=_getter)
        span = self.tracer.start_span("HTTP", parent, trace.SpanKind.SERVER)
        scope["trace_id"] = format(span.get_span_context().trace_id, "032x")
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        try:
            if span.is_recording():
                await self._recorded(span, scope, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            otel_context.detach(token)
            span.end()

    async def _recorded(self, span: trace.Span, scope: Scope, receive: Receive, send: Send) -> None:
        # Names follow the stable HTTP semantic conventions of OpenTelemetry.
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        span.set_attributes(
            {
                "http.request.method": method,
                "url.path": scope["path"],
                "url.scheme": scope.get("scheme", "http"),
                "network.protocol.version": scope.get("http_version", "1.1"),
            }
        )
        if method == OTHER_METHOD:
            span.set_attribute("http.request.method_original", scope["method"])
        error = ""

        async def send_observed(message: Message) -> None:
            nonlocal error
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= 500:  # noqa: PLR2004 semantic conventions: 4xx is the caller's error
                    # The layer below leaves the exception's name when it answers for one.
                    error = scope.get("error_type") or str(status)
            await send(message)

        try:
            await self.app(scope, receive, send_observed)
        except BaseException as failure:
            # An answer that broke off, or a shutdown: an error, whatever the status was.
            error = type(failure).__qualname__
            raise
        finally:
            if error:
                span.set_attribute("error.type", error)
                span.set_status(trace.StatusCode.ERROR)
            route = route_template(scope)
            name = "HTTP" if method == OTHER_METHOD else method
            span.update_name(name if route == "unmatched" else f"{name} {route}")
            if route != "unmatched":
                span.set_attribute("http.route", route)
