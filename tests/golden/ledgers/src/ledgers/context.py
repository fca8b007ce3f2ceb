"""What is known about the piece of work in progress, added to every log line it writes."""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})

# A context variable follows the work through awaits, tasks and threads started by
# asyncio.to_thread, so handlers never pass ids around.
log_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=_NOTHING)
