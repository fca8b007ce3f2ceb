"""Sessions of jobs: on the primary itself, never through a pooler, and as patient as the job."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic

import asyncpg

from ..database.connect import Connection, connect
from ..database.credentials import Credentials, CredentialsSource, FileCredentials
from ..database.errors import Unavailable
from ..database.servers import Server, primary_of
from ..settings import Settings
from .names import PACKAGE

PATIENCE_SECONDS = 14_400.0
"""For one statement. The server's own statement_timeout is shorter; this ends a session whose
server has gone without a word."""

_LEFT = "SET client_connection_check_interval = '10s'"
"""A statement that nobody waits for any more ends; by default it would only notice when it is done,
and until then keep its locks, and the next job from its turn."""

LOCK_WAIT_SECONDS = 900.0
"""For another job that does the same. A rollout that waits longer had better be looked at."""

_log = logging.getLogger(__name__)


class JobError(Exception):
    """The job cannot do what it is for; the message says why, to a person."""


class Login:
    """A CredentialsSource of one login."""

    def __init__(self, login: Credentials) -> None:
        self._login = login

    async def current(self, _: Server) -> Credentials:
        """See CredentialsSource."""
        return self._login

    async def close(self) -> None:
        """See CredentialsSource."""


def administrator(settings: Settings) -> CredentialsSource:
    """Who may make roles: with a password from a file, or with a token when it is named."""
    if settings.database_admin_user:
        from ..database.identity import IdentityCredentials  # noqa: PLC0415 its SDK is slow to load

        return IdentityCredentials(settings.database_admin_user)
    return FileCredentials(Path(settings.database_admin_credentials_file))


@asynccontextmanager
async def open_admin_session(
    settings: Settings, component: str, *, database: str = ""
) -> AsyncIterator[Connection]:
    """A session of the administrator.

    RDS asks members of rds_iam for a token and for nothing else, and whoever makes a role is a
    member of it. So with the first login by token that the administrator makes, it may lose its own
    password, which it needs to get there.
    """
    credentials = administrator(settings)
    session: Connection | None = None
    try:
        async with AsyncExitStack() as stack:
            opened = open_session(settings, credentials, component, database=database)
            try:
                session = await stack.enter_async_context(opened)
            except asyncpg.InvalidAuthorizationSpecificationError:
                if settings.database_authentication != "identity" or settings.database_admin_user:
                    raise
            if session is None:
                name = (await credentials.current(primary_of(settings))).username
                by_token = settings.model_copy(update={"database_admin_user": name})
                session = await stack.enter_async_context(
                    open_admin_session(by_token, component, database=database)
                )
            yield session
    finally:
        await credentials.close()


@asynccontextmanager
async def open_session(
    settings: Settings,
    credentials: CredentialsSource,
    component: str,
    *,
    database: str = "",
    server: Server | None = None,
) -> AsyncIterator[Connection]:
    """A session of one's own. `database` is another one than the service's."""
    of_job = settings.model_copy(
        update={
            "database_name": database or settings.database_name,
            "database_statement_timeout_seconds": PATIENCE_SECONDS,
        }
    )
    session = await _connect(of_job, credentials, server or primary_of(settings), component)
    try:
        await session.execute(_LEFT)
        yield session
    finally:
        if not session.is_closed():
            await session.close(timeout=5)


async def _connect(
    settings: Settings, credentials: CredentialsSource, server: Server, component: str
) -> Connection:
    if settings.database_pooler:
        raise JobError(
            "APP_DATABASE_POOLER is true: a job needs a session of its own, which no pooler gives. "
            "Set APP_DATABASE_HOST to the primary itself and APP_DATABASE_POOLER to false"
        )
    try:
        return await connect(settings, credentials, server, component)
    except (OSError, asyncpg.InterfaceError, Unavailable) as error:
        address = f"{server.host}:{server.port}"
        raise JobError(
            f"no connection to {address}: {str(error) or type(error).__name__}"
        ) from error


@asynccontextmanager
async def only_one(session: Connection, job: str) -> AsyncIterator[None]:
    """Waits until no other process does the same job on this database.

    By asking again and again, for a session that waits inside pg_advisory_lock holds a snapshot,
    and CREATE INDEX CONCURRENTLY of the one that has the lock waits for all old snapshots: a
    deadlock. The lock ends with the session, so a job that was killed leaves none behind.
    """
    key = int.from_bytes(hashlib.sha256(f"{PACKAGE}/{job}".encode()).digest()[:8], signed=True)
    deadline = monotonic() + LOCK_WAIT_SECONDS
    waits = 0
    while not await session.fetchval("SELECT pg_try_advisory_lock($1)", key):
        if monotonic() > deadline:
            raise JobError(f"{job}: another one has been at it for {LOCK_WAIT_SECONDS:.0f} s")
        if waits % 30 == 0:
            _log.info("waiting for another process that does the same", extra={"job": job})
        waits += 1
        await asyncio.sleep(1)
    try:
        yield
    finally:
        if not session.is_closed():
            await session.execute(f"SELECT pg_advisory_unlock({key})")
