"""The database over HTTP: what a client must be able to see, and what it is told in an outage."""

import logging
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse

from ..caller import caller
from ..health import HealthChecks
from ..problems import ProblemError, problem_response
from .database import Database
from .errors import OutcomeUnknown, Unavailable
from .position import ANYWHERE, Position, parse_token

CONSISTENCY_TOKEN = "Consistency-Token"  # noqa: S105 no secret: a place in a log
"""A write answers with it; a read that sends it back sees that write, and all before it."""

_log = logging.getLogger(__name__)

_DETAILS = {
    "pool_exhausted": "The service is busy; try again shortly.",
    "outcome_unknown": (
        "The connection to the database broke while the change was being made: it may be done. "
        "Try again with the same Idempotency-Key, or look before you do."
    ),
}


ConsistencyToken = Annotated[
    str | None,
    Header(
        alias=CONSISTENCY_TOKEN,
        max_length=64,
        description="From the answer to a write: the read sees that write and all before it.",
    ),
]


async def read_position(request: Request, token: ConsistencyToken = None) -> Position:
    """What this request must be able to see: what it says itself, and what its caller wrote."""
    try:
        position = parse_token(token) if token else ANYWHERE
    except ValueError:
        raise ProblemError(400, f"The {CONSISTENCY_TOKEN} is not valid.") from None
    database: Database = request.app.state.database
    return max(position, await database.recent_writes.of(caller(request)))


After = Annotated[Position, Depends(read_position)]
"""For handlers that read: pass it on as `after=`.

In one that is hot, take a ConsistencyToken and call `read_position`: FastAPI needs 10 microseconds
for each dependency.
"""


def install_database(app: FastAPI, database: Database, checks: HealthChecks) -> None:
    """Give the application its database, with answers for when it is away."""
    app.state.database = database
    app.add_exception_handler(Unavailable, _on_unavailable)
    # Of the start alone: in an outage we answer 503 ourselves, and serve what needs no database.
    checks.add("database", database.check)


async def _on_unavailable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)  # noqa: S101 registered for this type only
    cause = str(error).partition("\n")[0]
    _log.warning("database unavailable", extra={"reason": error.reason, "cause": cause})
    detail = _DETAILS.get(error.reason, "The database does not answer; try again shortly.")
    kind = "urn:problem:outcome-unknown" if isinstance(error, OutcomeUnknown) else "about:blank"
    return problem_response(503, detail, kind=kind, headers={"retry-after": str(error.retry_after)})
