"""The database that drills restore into: beside the service's data, never in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..database.connect import Connection
from ..database.credentials import Credentials
from ..database_admin.names import MAINTENANCE_DATABASE, PACKAGE, quoted
from ..database_admin.session import Login, only_one, open_session
from ..settings import Settings

SCRATCH = f"{PACKAGE}_restore_drill"

_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/drill'"
_DROP = f"DROP DATABASE IF EXISTS {quoted(SCRATCH)} WITH (FORCE)"


@asynccontextmanager
async def scratch(settings: Settings, login: Credentials) -> AsyncIterator[Connection]:
    """An empty database, and a session in it; it is gone afterwards."""
    credentials, name = Login(login), quoted(SCRATCH)
    async with (
        open_session(settings, credentials, "drill", database=MAINTENANCE_DATABASE) as outside,
        only_one(outside, "restore-drill"),
    ):
        await outside.execute(_DROP)  # Of a drill that was killed.
        await outside.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            # It holds what the service holds, so it is for nobody else either.
            await outside.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            async with open_session(settings, credentials, "drill", database=SCRATCH) as session:
                yield session
        finally:
            await outside.execute(_DROP)


async def drop_left_over(settings: Settings, login: Credentials) -> None:
    """A copy of all data that a killed drill has left: not for a week, until the next one."""
    async with open_session(
        settings, Login(login), "backup", database=MAINTENANCE_DATABASE
    ) as session:
        if not await session.fetchval(_SESSIONS):
            await session.execute(_DROP)
