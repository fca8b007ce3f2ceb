"""The id that ties a request to its log lines."""

from .context import log_context


def current_request_id() -> str | None:
    """The id of the request being served, to quote in an answer or to send to another service."""
    return log_context.get().get("request_id")
