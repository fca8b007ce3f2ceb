"""The layer below tracing: identity, headers, metrics, access log and the last catch for errors.

These five share one layer because each needs the same two moments, the start of the request and
the start of the answer; five layers would cost five wrapped `send` functions a request.
"""

import asyncio
import logging
import os
import re
from time import perf_counter

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access_log import log_request
from ..context import log_context
from ..http_metrics import in_flight, observe_request
from ..lifecycle import Lifecycle
from ..probes import PATHS as PROBES
from ..problems import problem_response
from .security_headers import complete_headers

_log = logging.getLogger(__name__)

# What a caller may choose for us to log and send back: short, and nothing that needs escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=-]{1,128}")
# W3C Trace Context: version, trace id, parent id, flags. Not valid are version ff, ids of zeros,
# and in version 00 (52 characters after "00-") anything that follows; later ones may add fields.
_TRACEPARENT = re.compile(
    rb"(?!ff|00-.{53})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


class RequestContextMiddleware:
    """Wraps the application once; see the module for what it adds."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self.app = app
        self.lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        ended = 0.0
        status = 0
        failed = False
        probe = scope["path"] in PROBES
        context = identify(scope)
        request_id = (b"x-request-id", context["request_id"].encode())

        async def send_completed(message: Message) -> None:
            nonlocal status, ended
            begins = message["type"] == "http.response.start"
            if begins:
                status = message["status"]
                headers = complete_headers(message.get("headers", ()))
                headers.append(request_id)
                if self.lifecycle.draining:
                    # Makes clients and load balancers open their next connection elsewhere.
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)
            if not (begins or message.get("more_body", False)):
                ended = perf_counter()

        token = log_context.set(context)
        in_flight.count += not probe
        try:
            await self.app(scope, receive, send_completed)
        except asyncio.CancelledError:
            failed = True
            self.lifecycle.cut_off += self.lifecycle.draining
            raise
        except Exception as error:
            failed = True
            report(scope, error)
            if status:
                raise  # The answer has begun: all that is left is to cut the connection.
            await problem_response(500)(scope, receive, send_completed)
        finally:
            in_flight.count -= not probe
            log_context.reset(token)
            if not probe:
                status = status if ended else broken_off(context, status, failed=failed)
                seconds = (ended or perf_counter()) - began
                route = route_template(scope)
                observe_request(scope["method"], route, status, seconds)
                log_request(scope, context, route, status, seconds)


def identify(scope: Scope) -> dict[str, str]:
    """The ids that tie log lines together: the caller's when they are well formed."""
    context: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _REQUEST_ID.fullmatch(value):
                context["request_id"] = value.decode("ascii")
        elif name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            context["trace_id"] = match[1].decode("ascii")
    if "request_id" not in context:
        context["request_id"] = os.urandom(16).hex()
    if trace_id := scope.get("trace_id"):
        context["trace_id"] = trace_id
    return context


def route_template(scope: Scope) -> str:
    """ "/items/{item_id}" rather than "/items/17": labels and span names must stay few."""
    # FastAPI keeps the template with the prefixes of enclosing routers here; the route itself
    # knows only the part that it was declared with.
    effective = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(effective or scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def report(scope: Scope, error: Exception) -> None:
    """Tell the log and the span, if there is one, about an error that nothing below handled."""
    _log.error("unhandled error", exc_info=error)
    trace.get_current_span().record_exception(error)
    scope["error_type"] = type(error).__qualname__


def broken_off(context: dict[str, str], status: int, *, failed: bool) -> int:
    """The status of an answer that never came to its end; the log says who broke it off.

    When we did, it is our failure, whatever the status that the client saw before. Otherwise the
    handler stopped sending because nobody listened any more.
    """
    ours = failed or not status
    context["aborted"] = "service" if ours else "client"
    return 500 if ours else status
