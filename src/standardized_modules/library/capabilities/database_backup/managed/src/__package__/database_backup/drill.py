"""Restores the newest backup into a scratch database and compares: a backup is worth that much.

On the service's own server, beside its data and never in it: what is tried is the way that a
restore would take. Meanwhile the scratch database needs the space of the data once more.
"""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ..database.connect import Connection
from ..database.credentials import Credentials
from ..database_admin.names import MAINTENANCE_DATABASE, PACKAGE, quoted
from ..database_admin.session import JobError, Login, only_one, open_session
from ..settings import Settings
from .backup import age_hours, login_of_backups
from .manifest import STAMP, Manifest
from .objects import Objects, open_objects
from .restore import compare, fetched, fill

SCRATCH = f"{PACKAGE}_restore_drill"

LATE = 2
"""Intervals. One backup may fail and be made up for; when two are missing somebody has to look."""

_log = logging.getLogger(__name__)


async def restore_drill(settings: Settings) -> None:
    """Raises JobError unless the newest backup is young enough and whole."""
    began = perf_counter()
    login = await login_of_backups(settings)
    objects = open_objects(settings)
    try:
        async with fetched(objects, "") as backup:
            _check_age(settings, backup.manifest)
            async with _scratch(settings, login) as session:
                # Roles of this database may be missing where it is tried; rights are no data.
                await fill(settings, login, backup, SCRATCH, "--no-owner", "--no-privileges")
                await compare(session, backup.manifest)
        seconds = round(perf_counter() - began, 1)
        await _report(objects, backup.manifest, seconds)
    finally:
        await objects.close()


def _check_age(settings: Settings, manifest: Manifest) -> None:
    age, limit = age_hours(manifest), LATE * settings.backup_interval_hours
    if age > limit:
        raise JobError(f"the newest backup is {age:.1f} h old; at most {limit:g} h were expected")


@asynccontextmanager
async def _scratch(settings: Settings, login: Credentials) -> AsyncIterator[Connection]:
    """An empty database, and a session in it; it is gone afterwards."""
    credentials, name = Login(login), quoted(SCRATCH)
    async with (
        open_session(settings, credentials, "drill", database=MAINTENANCE_DATABASE) as outside,
        only_one(outside, "restore-drill"),
    ):
        # One that a drill has left which was killed.
        await outside.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await outside.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            # It holds what the service holds, so it is for nobody else either.
            await outside.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            async with open_session(settings, credentials, "drill", database=SCRATCH) as session:
                yield session
        finally:
            await outside.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _report(objects: Objects, manifest: Manifest, seconds: float) -> None:
    """Evidence, kept with the backups and as long as they are."""
    now = datetime.now(UTC)
    report = {
        "drill_at": now.isoformat(timespec="seconds"),
        "backup": manifest.name,
        "backup_age_hours": round(age_hours(manifest), 2),
        "tables": len(manifest.tables),
        "rows": sum(table.rows for table in manifest.tables),
        "bytes": manifest.bytes,
        "seconds": seconds,
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        await objects.put(f"{PACKAGE}-drills/{now.strftime(STAMP)}.json", path)
    _log.info("restore drill passed", extra=report)
