"""What a client is told when its task can't be enqueued."""

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from .problems import problem_response
from .queue import BrokerUnavailable
from .task_queue import NotEnqueuedError

RETRY_SECONDS = 5
"""Longer than a lost connection takes to come back, shorter than people wait."""

_log = logging.getLogger(__name__)


def install_queue_problems(app: FastAPI) -> None:
    """Routes need not catch these two."""
    app.add_exception_handler(BrokerUnavailable, _on_unavailable)
    app.add_exception_handler(NotEnqueuedError, _on_refused)


async def _on_unavailable(_: Request, error: Exception) -> JSONResponse:
    """The task may have been sent or not, so the client needs a key to send it again."""
    _log.error("the queue does not answer", extra={"reason": str(error)})
    return problem_response(
        503,
        "The work could not be queued. Send the request again, with the same Idempotency-Key.",
        headers={"retry-after": str(RETRY_SECONDS)},
    )


async def _on_refused(_: Request, error: Exception) -> JSONResponse:
    """Too large, or a key that could be none: the same again is refused again."""
    return problem_response(422, str(error))
