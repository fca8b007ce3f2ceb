"""Makes a backup: the dump and what is in it, both of one moment."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ..database.credentials import Credentials, FileCredentials
from ..database.servers import primary_of
from ..database_admin.names import PACKAGE
from ..database_admin.secret_store import Secret, open_secret_store
from ..database_admin.session import JobError, Login, open_session
from ..settings import Settings
from .contents import contents
from .manifest import DUMP, MANIFEST, Manifest
from .objects import Objects, open_objects, sha256_of
from .programs import run_program
from .scratch import drop_left_over

_log = logging.getLogger(__name__)


async def backup(settings: Settings) -> None:
    """One backup, to where the settings say."""
    began = perf_counter()
    login = await login_of_backups(settings)
    await drop_left_over(settings, login)
    objects = open_objects(settings)
    try:
        with TemporaryDirectory() as folder:
            manifest = await _dump(settings, login, Path(folder) / DUMP)
            await _keep(objects, manifest, Path(folder))
    finally:
        await objects.close()
    _log.info(
        "backup made",
        extra={
            "backup": manifest.name,
            "bytes": manifest.bytes,
            "tables": len(manifest.tables),
            "rows": sum(table.rows for table in manifest.tables),
            "seconds": round(perf_counter() - began, 1),
        },
    )


async def login_of_backups(settings: Settings) -> Credentials:
    """From the file that is mounted, else from the secret store, as it is now."""
    path = Path(settings.backup_credentials_file)
    if await asyncio.to_thread(path.exists):
        return await FileCredentials(path).current(primary_of(settings))
    store = open_secret_store(settings)
    try:
        login = await store.read(Secret.BACKUP)
    finally:
        await store.close()
    if login is None:
        raise JobError("there is no login for backups yet: run database-roles first")
    return login


async def _dump(settings: Settings, login: Credentials, path: Path) -> Manifest:
    async with (
        open_session(settings, Login(login), "backup") as session,
        session.transaction(isolation="repeatable_read", readonly=True),
    ):
        # Others see what this transaction sees as long as it lasts.
        snapshot = await session.fetchval("SELECT pg_export_snapshot()")
        moment = await session.fetchval("SELECT now()")
        dumping = asyncio.create_task(
            run_program(
                settings,
                login,
                "pg_dump",
                "--format=custom",
                f"--snapshot={snapshot}",
                f"--file={path}",
                "--lock-wait-timeout=60s",
                database=settings.database_name,
            )
        )
        try:
            tables = await contents(session)
            await dumping
        finally:
            dumping.cancel()
            await asyncio.gather(dumping, return_exceptions=True)
        if not tables:
            raise JobError("there is no table in the database: nothing to back up")
        return Manifest(
            created_at=moment.astimezone(UTC).isoformat(timespec="seconds"),
            database=settings.database_name,
            server_version=await session.fetchval("SHOW server_version"),
            revision=await session.fetchval("SELECT max(version_num) FROM alembic_version") or "",
            bytes=await asyncio.to_thread(os.path.getsize, path),
            sha256=await asyncio.to_thread(sha256_of, path),
            tables=tables,
        )


async def _keep(objects: Objects, manifest: Manifest, folder: Path) -> None:
    manifest.write(folder / MANIFEST)
    await objects.put(f"{manifest.name}/{DUMP}", folder / DUMP)
    await objects.put(f"{manifest.name}/{MANIFEST}", folder / MANIFEST)


async def finished(objects: Objects) -> list[str]:
    """The names of all backups that were finished, the oldest first."""
    names = await objects.names(f"{PACKAGE}/")
    return [name.removesuffix(f"/{MANIFEST}") for name in names if name.endswith(f"/{MANIFEST}")]


async def newest(objects: Objects) -> str:
    """The name of the newest backup that was finished. Raises JobError when there is none."""
    if names := await finished(objects):
        return names[-1]
    raise JobError("there is no backup")


async def show(settings: Settings) -> None:
    """Print the names of the backups that can be restored."""
    objects = open_objects(settings)
    try:
        for name in await finished(objects):
            print(name)  # noqa: T201 a command line
    finally:
        await objects.close()


def age_hours(manifest: Manifest) -> float:
    """How old a backup is."""
    return (datetime.now(UTC) - manifest.taken).total_seconds() / 3600
