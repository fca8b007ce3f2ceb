"""What can go wrong with a database, seen from a request: what is worth another try, and when."""

import asyncio
import random

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Unavailable(Exception):  # noqa: N818 says what is wrong, and "Error" adds nothing
    """The database cannot do this now; the same may work later. Requests are answered with 503."""

    def __init__(self, reason: str, detail: str = "", *, elsewhere: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self._elsewhere = elsewhere

    @property
    def retry_after(self) -> int:
        """Seconds. Spread, or everybody who was sent away would come back at the same moment."""
        low, high = _RETRY.get(self.reason, (1, 2))
        return random.randint(low, high)  # noqa: S311 no secret

    @property
    def elsewhere(self) -> bool:
        """Whether another server may well answer what this one did not."""
        return self._elsewhere or self.reason in _ELSEWHERE


class OutcomeUnknown(Unavailable):
    """The connection broke while the database was committing: it is done, or it is not.

    A client that sent an Idempotency-Key may simply try again; any other one has to look first.
    """

    def __init__(self, detail: str = "") -> None:
        super().__init__("outcome_unknown", detail)


# A managed failover takes from 10 s to 2 minutes; what is merely busy is free again within one.
_RETRY = {
    "connection": (2, 5),
    "read_only": (2, 5),
    "credentials": (5, 10),
    "pooler": (5, 10),
}
_ELSEWHERE = frozenset(
    {"connection", "contention", "stale_plan", "resources", "read_only", "pooler"}
)

_REASONS = {
    "08": "connection",
    "53": "resources",  # Memory, disk, connections.
    "58": "resources",  # The server's own input and output.
    "25006": "read_only",  # A primary that was demoted.
    "25P03": "connection",  # idle_in_transaction_session_timeout: it has closed the connection.
    "25P04": "connection",  # transaction_timeout: the same.
    "26000": "stale_plan",
    "28": "credentials",
    "3D": "connection",  # There is no such database: it is about to be restored.
    "40001": "contention",  # On a replica: the query was in the way of replay.
    "40P01": "contention",
    "55P03": "contention",  # lock_timeout
    "57014": "timeout",  # statement_timeout
    "57P": "connection",  # Shutting down, starting up, crashed.
}

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (PoolTimeout, "pool_exhausted"),
    (asyncpg.InvalidCachedStatementError, "stale_plan"),  # A migration changed a table.
    (asyncpg.TargetServerAttributeNotMatched, "read_only"),
    # "another operation is in progress": how the driver meets the end of a session that it had just
    # begun to use. Whatever it means, the session is not to be trusted any more.
    (asyncpg.InternalClientError, "connection"),
    (TimeoutError, "timeout"),
    (OSError, "connection"),
)


def reason_of(error: BaseException) -> str | None:
    """Why the database cannot do it now; None for every other error, which is not ours to hide.

    OSError and TimeoutError count as the database's: within a database block nothing else may
    wait for the network.
    """
    if isinstance(error, Unavailable):
        return error.reason
    error = _of_driver(error)
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        if reason := _REASONS.get(code) or _REASONS.get(code[:3]) or _REASONS.get(code[:2]):
            return reason
    if isinstance(error, asyncpg.InterfaceError) and "closed" in str(error):
        return "connection"
    return next((reason for kind, reason in _KINDS if isinstance(error, kind)), None)


def breaks_session(error: BaseException) -> bool:
    """Whether the session that raised it must not be used again.

    After what the server itself refused a session goes on. After anything else a statement may
    still run there, and its answer must not be taken for that of the next one.
    """
    error = _of_driver(error)
    silent = isinstance(
        error, asyncio.CancelledError | OutcomeUnknown | OSError | asyncpg.InterfaceError
    )
    return silent or reason_of(error) in ("connection", "read_only")


def is_ours(error: BaseException) -> bool:
    """Whether it was our own patience that ended; the server has not said anything."""
    return isinstance(_of_driver(error), TimeoutError | PoolTimeout)


def forget_rows(error: BaseException) -> None:
    """Take out what a database error quotes of rows. It is people's data, and ends up in logs.

    PostgreSQL quotes them in DETAIL, which each of the errors around the driver's repeats.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, asyncpg.PostgresError):
            cause.detail = None
        elif isinstance(cause, DBAPIError | AsyncAdapt_asyncpg_dbapi.Error):
            cause.args = tuple(str(each).partition("\nDETAIL:")[0] for each in cause.args)
        cause = cause.__cause__


def _of_driver(error: BaseException) -> BaseException:
    """SQLAlchemy wraps twice: its own error around one of the DB-API around the driver's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, AsyncAdapt_asyncpg_dbapi.Error) and error.__cause__ is not None:
        error = error.__cause__
    return error
