"""Restores the newest backup into a scratch database and compares: a backup is worth that much.

On the service's own server, beside its data and never in it: what is tried is the way that a
restore would take. Meanwhile the scratch database needs the space of the data once more.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ..database_admin.names import PACKAGE
from ..database_admin.session import JobError
from ..settings import Settings
from .backup import age_hours, login_of_backups
from .manifest import STAMP, Manifest
from .objects import Objects, open_objects
from .restore import compare, fetched, fill
from .scratch import SCRATCH, scratch

LATE = 2
"""Intervals. One backup may fail and be made up for; when two are missing somebody has to look."""

_log = logging.getLogger(__name__)


async def restore_drill(settings: Settings) -> None:
    """Raises JobError unless the newest backup is young enough and whole."""
    began = perf_counter()
    objects = open_objects(settings)
    try:
        async with fetched(objects, "") as backup:
            _check_age(settings, backup.manifest)
            # Not before: a rotation meanwhile has made it another one.
            login = await login_of_backups(settings)
            async with scratch(settings, login) as session:
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
