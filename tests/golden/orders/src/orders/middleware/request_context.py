"""The outermost layer: identity, headers, metrics, access log and the last catch for errors.

These five share one layer because each needs the same two moments, the start of the request and
the start of the answer; five layers would cost five wrapped `send` functions a request.
"""

import logging
import os
import re
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access_log import log_request
from ..context import log_context
from ..lifecycle import Lifecycle
from ..metrics import in_flight, observe_request
from ..probes import PATHS as PROBES
from ..problems import problem_response
from .security_headers import complete_headers

_log = logging.getLogger(__name__)

# What a caller may choose for us to log and send back: short, and nothing that needs escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=-]{1,128}")
# W3C Trace Context: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


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
        context = identify(scope)
        request_id = (b"x-request-id", context["request_id"].encode())

        async def send_completed(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = complete_headers(message.get("headers", ()))
                headers.append(request_id)
                if self.lifecycle.draining:
                    # Makes clients and load balancers open their next connection elsewhere.
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            elif not message.get("more_body", False):
                ended = perf_counter()
            await send(message)

        token = log_context.set(context)
        in_flight.count += 1
        try:
            await self.app(scope, receive, send_completed)
        except Exception:
            _log.exception("unhandled error")
            if status:
                raise  # The answer has begun: all that is left is to cut the connection.
            await problem_response(500)(scope, receive, send_completed)
        finally:
            in_flight.count -= 1
            log_context.reset(token)
            if scope["path"] not in PROBES:
                # No status means that we were cancelled: for the client, that is our failure.
                record(scope, context, status or 500, (ended or perf_counter()) - began)


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


def record(scope: Scope, context: dict[str, str], status: int, seconds: float) -> None:
    """Count the request and log it."""
    route = route_template(scope)
    observe_request(scope["method"], route, status, seconds)
    log_request(scope, context, route, status, seconds)
