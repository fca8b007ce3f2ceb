"""Runs migrations on the primary: one process at a time, again when a lock could not be had."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ..database.connect import Connection as Session
from ..database.credentials import CredentialsSource
from ..database.errors import reason_of
from ..database_admin.names import APP, OWNER, quoted
from ..database_admin.secret_store import Secret, open_secret_store
from ..database_admin.session import JobError, Login, administrator, only_one, open_session
from ..settings import Settings
from .environment import VERSION_TABLE, is_newer, migrate, online, unknown
from .operations import PATIENCE_SECONDS, within

ATTEMPTS = 15
PAUSE_SECONDS = 20.0
"""With 2 s of waiting for a lock each, four minutes in all: longer than any statement of the
service may run, shorter than people wait for a rollout."""

# What a concurrent build leaves behind when it is cut off; IF NOT EXISTS would take it for done.
# One that somebody is building at this moment is not ours to touch.
_HALF_BUILT = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND pg_get_userbyid(c.relowner) = current_user
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = c.oid)
"""

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def up(settings: Settings, target: str = "heads", seconds: int = PATIENCE_SECONDS) -> None:
    """To the newest revision, or to the one that is named. The job has so many seconds.

    A version that is older than the database leaves it as it is: going back to the code of before
    does not go back to the schema of before, which it works with (docs/migrations.md).
    """

    def work(config: Config) -> None:
        missing = unknown(config)
        if not missing:
            migrate(config, target)
        elif is_newer(config, missing):
            details = {"revisions": list(missing)}
            _log.warning("the database is newer than this version: nothing to do", extra=details)
        else:
            raise JobError(
                f"the database has migration {', '.join(missing)}, which this version does not "
                "have and which is not newer than its own: it is of another branch"
            )

    with within(seconds):
        await _again_when_locked(settings, work)


async def down(settings: Settings, target: str) -> None:
    """To an older revision: its identifier, `base`, or `-1` for one back."""
    await _again_when_locked(settings, lambda config: migrate(config, target, down=True))


async def with_connection(settings: Settings, command: Callable[[Config], T]) -> T:
    """Another command of Alembic, which changes nothing in the database."""
    credentials = await migrator(settings)
    async with _open(settings, credentials) as session, _sqlalchemy(session) as connection:
        try:
            return await connection.run_sync(lambda sync: command(online(sync)))
        except CommandError as error:
            raise JobError(str(error)) from error


async def migrator(settings: Settings) -> CredentialsSource:
    """Who migrates: a login that acts as the owner, or the administrator where it has a token."""
    if settings.database_admin_user:
        return administrator(settings)
    store = open_secret_store(settings)
    try:
        login = await store.read(Secret.MIGRATOR)
    finally:
        await store.close()
    if login is None:
        raise JobError("there is no login for migrations yet: run database-roles first")
    return Login(login)


async def _again_when_locked(settings: Settings, work: Callable[[Config], None]) -> None:
    credentials = await migrator(settings)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await _attempt(settings, credentials, work)
        except CommandError as error:
            raise JobError(str(error)) from error
        except (DBAPIError, asyncpg.PostgresError) as error:
            if reason_of(error) != "contention" or attempt == ATTEMPTS:
                raise JobError(f"the migration failed: {_said(error)}") from None
            pause = random.uniform(PAUSE_SECONDS / 2, PAUSE_SECONDS)  # noqa: S311 no secret
            details = {"attempt": attempt, "pause_seconds": round(pause, 1)}
            _log.warning("no lock, trying again: %s", _said(error), extra=details)
            await asyncio.sleep(pause)
        else:
            return


def _said(error: DBAPIError | asyncpg.PostgresError) -> str:
    """What the server said to which statement, without the rows and parameters: people's data."""
    said, statement = str(error), None
    if isinstance(error, DBAPIError):
        said, statement = str(error.orig), error.statement
    said = said.partition("\nDETAIL:")[0]
    return f"{said}\n{statement}" if statement else said


async def _attempt(
    settings: Settings, credentials: CredentialsSource, work: Callable[[Config], None]
) -> None:
    def run(connection: Connection) -> None:
        work(online(connection))

    # The lock belongs to the session that works: were it lost, so would be the right to go on.
    async with (
        _open(settings, credentials) as session,
        only_one(session, "migrations"),
        _sqlalchemy(session) as connection,
    ):
        await _drop_half_built(session)
        await connection.run_sync(run)
        # The owner's default gives the service rights on all tables; this one is not its business.
        await connection.exec_driver_sql(
            f"REVOKE INSERT, UPDATE, DELETE ON {VERSION_TABLE} FROM {quoted(APP)}"
        )
        await connection.commit()


@asynccontextmanager
async def _open(settings: Settings, credentials: CredentialsSource) -> AsyncIterator[Session]:
    async with open_session(settings, credentials, "migrations") as session:
        # What it makes belongs to the owner, whoever it is.
        await session.execute(f"SET ROLE {quoted(OWNER)}")
        yield session


async def _drop_half_built(session: Session) -> None:
    for (name,) in await session.fetch(_HALF_BUILT):
        _log.warning("dropping an index that was left half built", extra={"index": name})
        await session.execute("SET lock_timeout = '1min'")
        await session.execute(f"DROP INDEX CONCURRENTLY {name}")


@asynccontextmanager
async def _sqlalchemy(session: Session) -> AsyncIterator[AsyncConnection]:
    """The session as SQLAlchemy's, which closes it at the end."""

    async def given(**_: object) -> Session:
        return session

    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={"async_creator_fn": given, "prepared_statement_cache_size": 0},
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
