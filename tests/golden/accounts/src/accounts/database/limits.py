"""Times after which the server ends what takes too long. They are set on the role, not here.

A session could set them itself, and behind a pooler it would set them for somebody else. So
`database-roles` gives them to the role, and the service looks whether it has them. It says so when
it has not, and goes on: a limit that is missing is no reason to answer nobody, and while a release
changes one, the pods of the release before meet the new value.
"""

import logging

from ..settings import Settings
from .connect import Connection
from .metrics import LIMIT_DIFFERS

_log = logging.getLogger(__name__)
_IN_FORCE = "SELECT name, setting::bigint FROM pg_settings WHERE name = ANY($1)"


def limits(settings: Settings) -> dict[str, int]:
    """By the server's own names, in milliseconds."""
    statement = round(settings.database_statement_timeout_seconds * 1000)
    return {
        "statement_timeout": statement,
        # Before the statement as a whole, so that a client learns that it was a matter of locks,
        # which another try may well find free.
        "lock_timeout": max(1, statement // 2),
        "idle_in_transaction_session_timeout": round(
            settings.database_idle_in_transaction_seconds * 1000
        ),
    }


async def check_limits(connection: Connection, settings: Settings, target: str) -> None:
    """Say which of them this session does not have."""
    wanted = limits(settings)
    for name, found in await connection.fetch(_IN_FORCE, list(wanted)):
        differs = found != wanted[name]
        LIMIT_DIFFERS.labels(target, name).set(differs)
        if differs:
            details = {"target": target, "limit": name, "ms": found, "wanted_ms": wanted[name]}
            _log.warning("limit of the role differs", extra=details)
