"""Makes the roles and says what each of them may do. Run again, it changes nothing.

The administrator of a managed server is no superuser: it may make roles and databases, and gets
into the roles it made only by granting them to itself.
"""

import logging
from collections.abc import Mapping

from ..database.connect import Connection
from ..database.limits import limits
from ..settings import Settings
from .names import APP, BACKUP, IDENTITY, LOGINS, MIGRATOR, OWNER, quoted
from .session import JobError

BACKUP_SESSIONS = 8
"""One that holds the snapshot, those of pg_dump, and as many for a drill at the same time."""

MIGRATOR_SESSIONS = 4
"""A job that works, one that waits, and a person who looks."""

_DEFAULT = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(OWNER)}"
_DEFAULTS = (
    ("SELECT, INSERT, UPDATE, DELETE ON TABLES", APP),
    ("SELECT ON TABLES", BACKUP),
    ("USAGE ON SEQUENCES", APP),
    ("SELECT ON SEQUENCES", BACKUP),
    ("USAGE ON SCHEMAS", APP),
    ("USAGE ON SCHEMAS", BACKUP),
    ("EXECUTE ON ROUTINES", APP),
)

_log = logging.getLogger(__name__)


async def make_roles(admin: Connection, settings: Settings) -> None:
    """All roles, their limits and their memberships; no passwords."""
    superuser = await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    for group in (OWNER, APP):
        await _make(admin, group, "NOLOGIN INHERIT")
    if not superuser:
        # Making a role does not bring what it may do.
        await admin.execute(f"GRANT {quoted(OWNER)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    for login in _logins_of_service(settings):
        await _make(
            admin, login, f"LOGIN INHERIT CONNECTION LIMIT {settings.database_connection_limit}"
        )
        await admin.execute(f"GRANT {quoted(APP)} TO {quoted(login)}")
        await _set(admin, login, _settings_of_service(settings))
    await _make(admin, MIGRATOR, f"LOGIN INHERIT CONNECTION LIMIT {MIGRATOR_SESSIONS}")
    await admin.execute(f"GRANT {quoted(OWNER)} TO {quoted(MIGRATOR)}")
    await _make(admin, BACKUP, f"LOGIN INHERIT CREATEDB CONNECTION LIMIT {BACKUP_SESSIONS}")
    # A dump may take hours, and waits for no lock for long: what it waits for makes others wait.
    await _set(admin, BACKUP, {"statement_timeout": 0, "lock_timeout": 60_000})
    if settings.database_authentication == "identity":
        from .cloud import identity_login  # noqa: PLC0415 its SDK is slow to load

        for statement in identity_login(IDENTITY, settings):
            await admin.execute(statement)


def _logins_of_service(settings: Settings) -> tuple[str, ...]:
    if settings.database_authentication == "password":
        return LOGINS
    if settings.database_user != IDENTITY:
        raise JobError(f"APP_DATABASE_USER is {settings.database_user!r}, and has to be {IDENTITY}")
    return (IDENTITY,)


def _settings_of_service(settings: Settings) -> dict[str, int | str]:
    """On the role and not on the session, so they hold behind a pooler as well. Milliseconds."""
    return {
        **limits(settings),
        # Compiling a plan takes longer than a short query, and the driver would switch it off for a
        # session, which a pooler hands on to others.
        "jit": "off",
    }


async def make_database(admin: Connection, settings: Settings) -> None:
    """The service's database, when the server has none of its name, and its owner."""
    name = settings.database_name
    owner = await admin.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name
    )
    if owner is None:
        await admin.execute(f"CREATE DATABASE {quoted(name)} OWNER {quoted(OWNER)}")
        _log.info("database made", extra={"database": name})
    elif owner != OWNER:
        await admin.execute(f"ALTER DATABASE {quoted(name)} OWNER TO {quoted(OWNER)}")


async def grant(session: Connection, settings: Settings) -> None:
    """Who may do what in the database. `session` is the administrator's, in that database.

    Tables are not named here: what the owner makes later is granted by default, and a migration
    that takes a right away from one table has its way.
    """
    database, owner, app = quoted(settings.database_name), quoted(OWNER), quoted(APP)
    migrator, backup = quoted(MIGRATOR), quoted(BACKUP)
    async with session.transaction():
        for statement in (
            f"SET LOCAL ROLE {owner}",
            # Everybody may connect and make temporary tables, unless somebody says otherwise.
            f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {database} TO {app}, {migrator}, {backup}",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            f"GRANT USAGE ON SCHEMA public TO {app}, {backup}",
            f"{_DEFAULT} REVOKE EXECUTE ON ROUTINES FROM PUBLIC",
            *(f"{_DEFAULT} GRANT {what} TO {quoted(role)}" for what, role in _DEFAULTS),
        ):
            await session.execute(statement)


async def clear_defaults(session: Connection) -> None:
    """What the owner makes is granted to nobody, until `grant` is called again.

    For a restore. It grants what had been granted and takes nothing away, so with these defaults a
    table would get back rights that a migration took from it.
    """
    await session.execute(f"{_DEFAULT} GRANT EXECUTE ON ROUTINES TO PUBLIC")
    for what, role in _DEFAULTS:
        await session.execute(f"{_DEFAULT} REVOKE {what} FROM {quoted(role)}")


async def _make(admin: Connection, role: str, options: str) -> None:
    exists = await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role)
    verb = "ALTER" if exists else "CREATE"
    await admin.execute(f"{verb} ROLE {quoted(role)} {options}")


async def _set(admin: Connection, role: str, values: Mapping[str, int | str]) -> None:
    for name, value in values.items():
        await admin.execute(f"ALTER ROLE {quoted(role)} SET {name} = {value}")
