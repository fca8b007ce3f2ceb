"""Drills: they find what is wrong with a backup, and leave nothing behind."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledgers.database_admin.names import BACKUP
from ledgers.database_admin.session import JobError
from ledgers.database_backup.backup import backup
from ledgers.database_backup.drill import restore_drill
from ledgers.database_backup.manifest import read_manifest
from ledgers.database_backup.scratch import SCRATCH
from tests.backups import Service


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": 503}, "oddities: 503 rows, and now 502"),
        ({"checksum": "0"}, "oddities: 502 rows, not the same ones"),
        ({"name": "public.others"}, "public.others: missing; public.oddities: was not there"),
    ],
)
async def test_what_differs_from_the_manifest_is_found(
    service: Service, change: dict[str, Any], said: str
) -> None:
    await backup(service.settings)
    (path,) = service.files("manifest.json")
    manifest = read_manifest(path)
    tables = (
        replace(table, **change) if table.name == "public.oddities" else table
        for table in manifest.tables
    )
    replace(manifest, tables=tuple(tables)).write(path)
    with pytest.raises(JobError, match="is not what it was") as failure:
        await restore_drill(service.settings)
    assert said in str(failure.value)


async def test_a_drill_leaves_nothing_but_a_report(service: Service) -> None:
    await backup(service.settings)
    before = service.query("SELECT count(*), sum(id) FROM oddities")
    # What a drill leaves that was killed is in nobody's way.
    owner = "ledgers_backup"
    service.managed.server.query(f"CREATE DATABASE {SCRATCH} OWNER {owner}")
    await restore_drill(service.settings)
    databases = service.managed.server.query("SELECT datname FROM pg_database")
    assert SCRATCH not in databases.splitlines()
    assert service.query("SELECT count(*), sum(id) FROM oddities") == before
    (report,) = (service.target / "ledgers-drills").iterdir()
    assert json.loads(report.read_text())["rows"] >= 502


async def test_what_a_killed_drill_left_goes_with_the_next_backup(service: Service) -> None:
    service.managed.server.query(f"CREATE DATABASE {SCRATCH} OWNER {BACKUP}")
    await backup(service.settings)
    assert SCRATCH not in service.managed.server.query("SELECT datname FROM pg_database")


async def test_a_drill_refuses_an_old_backup(service: Service) -> None:
    await backup(service.settings)
    (path,) = service.files("manifest.json")
    three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
    replace(read_manifest(path), created_at=three_hours_ago.isoformat()).write(path)
    with pytest.raises(JobError, match=r"the newest backup is 3\.0 h old"):
        await restore_drill(service.settings)


async def test_an_unfinished_backup_is_none(service: Service) -> None:
    await backup(service.settings)
    service.files("manifest.json")[0].unlink()
    with pytest.raises(JobError, match="there is no backup"):
        await restore_drill(service.settings)
