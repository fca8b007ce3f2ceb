"""Brings a backup back, into an empty database, and looks whether everything is there."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ..database.connect import Connection
from ..database.credentials import Credentials
from ..database_admin.commands import database_roles
from ..database_admin.names import OWNER, quoted
from ..database_admin.roles import clear_defaults, grant
from ..database_admin.secret_store import Secret, open_secret_store
from ..database_admin.session import JobError, Login, only_one, open_session
from ..settings import Settings
from .backup import newest
from .contents import contents, is_empty
from .manifest import DUMP, MANIFEST, Manifest, differences, read_manifest
from .objects import Objects, open_objects, sha256_of
from .programs import run_program

SHOWN = 20
"""Differences; more of them tell no more."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A backup on this machine, whole: its checksum is that of the manifest."""

    manifest: Manifest
    dump: Path


@asynccontextmanager
async def fetched(objects: Objects, name: str) -> AsyncIterator[Fetched]:
    """The backup of this name, or the newest. Raises JobError when it is not what was written."""
    with TemporaryDirectory() as folder:
        name = name or await newest(objects)
        dump, path = Path(folder) / DUMP, Path(folder) / MANIFEST
        await objects.get(f"{name}/{MANIFEST}", path)
        manifest = read_manifest(path)
        await objects.get(f"{name}/{DUMP}", dump)
        found = await asyncio.to_thread(sha256_of, dump)
        if found != manifest.sha256:
            raise JobError(f"{name} is damaged: its SHA-256 is {found}, and was {manifest.sha256}")
        yield Fetched(manifest, dump)


async def restore(settings: Settings, name: str = "") -> None:
    """Into the service's database, which is made when it is missing, and has to be empty."""
    began = perf_counter()
    # On a new server there is nobody yet, and the logins that are handed out work there as well.
    await database_roles(settings)
    objects = open_objects(settings)
    try:
        # Before somebody waits for the backup to be fetched, and again when it is there.
        async with open_session(settings, Login(await _login(settings)), "restore") as session:
            await _check_empty(session, settings)
        async with fetched(objects, name) as backup:
            await _restore(settings, backup)
    finally:
        await objects.close()
    _log.info(
        "backup restored",
        extra={
            "backup": backup.manifest.name,
            "rows": sum(table.rows for table in backup.manifest.tables),
            "seconds": round(perf_counter() - began, 1),
        },
    )


async def _restore(settings: Settings, backup: Fetched) -> None:
    # Not before: a rotation while it was fetched has made it another one.
    login = await _login(settings)
    async with (
        open_session(settings, Login(login), "restore") as session,
        only_one(session, "restore"),
    ):
        await _check_empty(session, settings)
        await session.execute(f"SET ROLE {quoted(OWNER)}")
        await clear_defaults(session)
        # In one transaction: all of it, or an empty database as before.
        options = ("--no-owner", f"--role={OWNER}")
        await fill(settings, login, backup, settings.database_name, *options)
        await grant(session, settings)
        await compare(session, backup.manifest)


async def _check_empty(session: Connection, settings: Settings) -> None:
    if not await is_empty(session):
        raise JobError(
            f"{settings.database_name} on {settings.database_host} is not empty. Restore into a "
            "new database, or drop this one first"
        )


async def fill(
    settings: Settings, login: Credentials, backup: Fetched, database: str, *options: str
) -> None:
    """Put the backup into a database, whole or not at all, and let the planner know it."""
    await run_program(
        settings,
        login,
        "pg_restore",
        "--single-transaction",
        f"--dbname={database}",
        *options,
        str(backup.dump),
        database=database,
    )


async def compare(session: Connection, manifest: Manifest) -> None:
    """Raises JobError unless every table holds what it held."""
    await session.execute("ANALYZE")
    async with session.transaction(isolation="repeatable_read", readonly=True):
        found = await contents(session)
    if lines := differences(manifest.tables, found):
        raise JobError(
            f"{manifest.name} is there, and is not what it was: " + "; ".join(lines[:SHOWN])
        )


async def _login(settings: Settings) -> Credentials:
    store = open_secret_store(settings)
    try:
        login = await store.read(Secret.MIGRATOR)
    finally:
        await store.close()
    if login is None:
        raise JobError("there is no login that may restore yet: run database-roles first")
    return login
