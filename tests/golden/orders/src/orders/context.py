"""What is known about the piece of work in progress, added to every log line it writes."""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})

# A context variable follows the work through awaits, tasks and threads started by
# asyncio.to_thread, so handlers never pass a request id around.
log_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=_NOTHING)


def current_request_id() -> str | None:
    """The id of the request being served, to quote in an answer or to send to another service."""
    return log_context.get().get("request_id")
