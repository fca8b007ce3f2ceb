"""Logins and their passwords: the server and the secret store say the same, at every moment.

The order of the steps is what makes it safe to die between any two of them. A login that nobody
uses yet gets its password first and is handed out afterwards, so what is handed out always works.
"""

import asyncio
import logging
from time import monotonic

import asyncpg

from ..database.connect import Connection
from ..database.credentials import Credentials
from ..database.servers import Server, primary_of, replicas_of
from ..settings import Settings
from .names import BACKUP, IDENTITY, LOGINS, MIGRATOR, literal, quoted
from .passwords import new_password, verifier
from .secret_store import Secret, SecretStore
from .session import JobError, Login, open_session

REPLICA_WAIT_SECONDS = 120.0
"""Passwords reach a replica with the log. One that is further behind is not read from anyway."""

GONE_SECONDS = 5.0
"""A session that has been closed is seen for some milliseconds more."""

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"

_log = logging.getLogger(__name__)


def jobs_logins() -> dict[Secret, str]:
    """Logins that only jobs use; each has one name, whatever its password."""
    return {Secret.MIGRATOR: MIGRATOR, Secret.BACKUP: BACKUP}


async def hand_out(session: Connection, settings: Settings, store: SecretStore) -> None:
    """Every login that the store has works; those that it does not have are made.

    `session` is the administrator's.
    """
    logins = jobs_logins()
    if settings.database_authentication == "password":
        logins[Secret.APP] = LOGINS[0]
    for secret, first in logins.items():
        login = await store.read(secret)
        if login is None:
            login = Credentials(first, new_password())
            await set_password(session, login)
            await store.write(secret, login)
            _log.info("login made", extra={"login": login.username})
        elif login.username not in (*LOGINS, MIGRATOR, BACKUP):
            raise JobError(f"the secret store names a login that is not ours: {login.username!r}")
        elif not await works(settings, login, primary_of(settings)):
            # The server is another one than before, or a rotation died halfway.
            await set_password(session, login)
            _log.warning("password set again", extra={"login": login.username})


async def rotate(session: Connection, settings: Settings, store: SecretStore) -> None:
    """New passwords for everybody; nobody has to stop or to wait.

    `session` is the administrator's.
    """
    await hand_out(session, settings, store)
    await _lock_out(session, settings)
    if settings.database_authentication == "password":
        await _rotate_service(session, settings, store)
    for secret, name in jobs_logins().items():
        login = Credentials(name, new_password())
        # Jobs ask the store when they start. Dying between these two leaves a login that does not
        # work until the next run of any job that hands out; the other order would do the same.
        await store.write(secret, login)
        await set_password(session, login)
        _log.info("login rotated", extra={"login": name})


async def _lock_out(session: Connection, settings: Settings) -> None:
    """Logins of the other `database.authentication`, which nobody would ever rotate again.

    Not when roles are made: at that moment the pods of the version before still work with them.
    """
    by_password = settings.database_authentication == "password"
    for login in (IDENTITY,) if by_password else LOGINS:
        query = "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1"
        if await session.fetchval(query, login):
            await session.execute(f"ALTER ROLE {quoted(login)} NOLOGIN")
            _log.info("login closed", extra={"login": login})


async def _rotate_service(session: Connection, settings: Settings, store: SecretStore) -> None:
    current = await store.read(Secret.APP)
    used = LOGINS[0] if current is None else current.username
    login = Credentials(LOGINS[1] if used == LOGINS[0] else LOGINS[0], new_password())
    await _wait_until_unused(session, login.username, used)
    await set_password(session, login)
    for server in (primary_of(settings), *replicas_of(settings)):
        await _wait_until_it_works(settings, login, server)
    await store.write(Secret.APP, login)
    _log.info("login rotated", extra={"login": login.username, "valid_until_next": used})


async def _wait_until_unused(session: Connection, login: str, used: str) -> None:
    """Nobody uses the login any more, or a new password would lock somebody out.

    Pods read the secret again within minutes, and pools give connections up after half an hour.
    """
    deadline = monotonic() + GONE_SECONDS
    while count := await session.fetchval(SESSIONS, login):
        if monotonic() > deadline:
            raise JobError(
                f"{login} still has {count} sessions, although {used} has been handed out: do all "
                "pods see the secret? Rotate again when they are gone"
            )
        await asyncio.sleep(0.2)


async def set_password(session: Connection, login: Credentials) -> None:
    """The server sees a hash alone."""
    password = literal(verifier(login.password))
    await session.execute(f"ALTER ROLE {quoted(login.username)} PASSWORD {password}")


async def works(settings: Settings, login: Credentials, server: Server) -> bool:
    """Whether one can log in. Raises JobError when the server does not answer."""
    try:
        async with open_session(settings, Login(login), "login", server=server):
            return True
    except asyncpg.TooManyConnectionsError:
        return True  # The server says so after it has seen the password.
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False


async def _wait_until_it_works(settings: Settings, login: Credentials, server: Server) -> None:
    deadline = monotonic() + REPLICA_WAIT_SECONDS
    while True:
        try:
            if await works(settings, login, server):
                return
        except (JobError, asyncpg.PostgresError) as error:
            if server.primary:
                raise
            # When it is back it has the log up to a later moment than this.
            details = {"target": server.name, "fault": str(error)}
            _log.warning("replica away, not asked", extra=details)
            return
        if monotonic() > deadline:
            raise JobError(f"{server.name} does not know the new password; nothing was handed out")
        await asyncio.sleep(0.5)
