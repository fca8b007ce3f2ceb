"""Backups: what is in them, how they come back, and everything that must not pass for one."""

import asyncio
import json
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from accounts.database.connect import Connection
from accounts.database_admin.names import MAINTENANCE_DATABASE
from accounts.database_admin.session import JobError, Login, open_session
from accounts.database_backup import backup as backups
from accounts.database_backup.backup import backup, show
from accounts.database_backup.contents import contents
from accounts.database_backup.drill import restore_drill
from accounts.database_backup.manifest import Table, read_manifest
from accounts.database_backup.restore import restore
from accounts.migrations.run import up
from local.postgresql import open_postgresql
from tests.administration import ADMINISTRATOR, Managed
from tests.backups import Service

RIGHTS = """
SELECT relname, relowner::regrole, a.grantee::regrole, a.privilege_type
FROM pg_class, aclexplode(relacl) a
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3, 4;
SELECT defaclobjtype, a.grantee, a.privilege_type FROM pg_default_acl, aclexplode(defaclacl) a
ORDER BY 1, 2, 3;
SELECT a.grantee, a.privilege_type FROM pg_database, aclexplode(datacl) a
WHERE datname = current_database() ORDER BY 1, 2
"""


async def test_everything_comes_back(service: Service) -> None:
    rows = "SELECT * FROM oddities ORDER BY id"
    before = service.query(rows), service.query(RIGHTS)
    await backup(service.settings)
    service.start_anew()
    await restore(service.settings)
    assert (service.query(rows), service.query(RIGHTS)) == before
    await up(service.settings)


async def test_the_manifest_says_what_is_in_it(service: Service) -> None:
    await backup(service.settings)
    (manifest,) = service.files("manifest.json")
    content = json.loads(manifest.read_text())
    tables = {table["name"]: table["rows"] for table in content["tables"]}
    assert tables["public.oddities"] == 502
    assert content["revision"] == service.query("SELECT version_num FROM alembic_version")
    assert content["bytes"] == service.files("dump.pgcustom")[0].stat().st_size


async def test_dump_and_checksums_are_of_one_moment(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def later(session: Connection) -> tuple[Table, ...]:
        # Committed after the snapshot was taken, before anything was read.
        service.query("INSERT INTO oddities VALUES (1000); DELETE FROM oddities WHERE id < 100")
        return await contents(session)

    monkeypatch.setattr(backups, "contents", later)
    await backup(service.settings)
    service.start_anew()
    await restore(service.settings)
    assert service.query("SELECT count(*), max(id) FROM oddities") == "502|500"


async def test_a_database_that_is_not_empty_stays_as_it_is(service: Service) -> None:
    await backup(service.settings)
    service.query("DELETE FROM oddities")
    with pytest.raises(JobError, match="is not empty"):
        await restore(service.settings)
    assert service.query("SELECT count(*) FROM oddities") == "0"


async def test_a_damaged_dump_is_refused_before_anything_is_restored(service: Service) -> None:
    await backup(service.settings)
    (dump,) = service.files("dump.pgcustom")
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    service.start_anew()
    with pytest.raises(JobError, match="is damaged"):
        await restore(service.settings)
    with pytest.raises(JobError, match="is damaged"):
        await restore_drill(service.settings)
    assert service.query("SELECT count(*) FROM pg_class WHERE relname = 'oddities'") == "0"


@pytest.mark.parametrize("fault", ["rows", "sha256", "half"])
async def test_a_damaged_manifest_is_refused_before_anything_is_restored(
    service: Service, fault: str
) -> None:
    await backup(service.settings)
    (path,) = service.files("manifest.json")
    text = path.read_text()
    content = json.loads(text)
    content["tables"][0]["rows"] += 1
    damaged = {
        "rows": json.dumps(content),
        "sha256": text.replace('"manifest_sha256"', '"sha256_of_manifest"'),
        "half": text[: len(text) // 2],
    }
    path.write_text(damaged[fault])
    service.start_anew()
    with pytest.raises(JobError, match=r"the manifest (is damaged|cannot be read)"):
        await restore(service.settings)
    with pytest.raises(JobError, match=r"the manifest (is damaged|cannot be read)"):
        await restore_drill(service.settings)
    assert service.query("SELECT count(*) FROM pg_class WHERE relname = 'oddities'") == "0"


async def test_a_database_of_before_may_stay_under_another_name(service: Service) -> None:
    """As docs/disaster-recovery.md has it done, by an administrator who is no superuser."""
    await backup(service.settings)
    service.query("DELETE FROM oddities")
    name = service.settings.database_name
    async with open_session(
        service.settings, Login(ADMINISTRATOR), "test", database=MAINTENANCE_DATABASE
    ) as session:
        await session.execute(f"ALTER DATABASE {name} RENAME TO before")
    await restore(service.settings)
    assert service.query("SELECT count(*) FROM oddities") == "502"
    assert service.managed.server.query("SELECT count(*) FROM oddities", "before") == "0"


async def test_another_server_needs_nothing_but_the_backup(
    service: Service, tmp_path: Path
) -> None:
    await backup(service.settings)
    with open_postgresql(tmp_path / "another") as server:
        another = Service(Managed(server, tmp_path / "of another"), service.target)
        await restore(another.settings)
        assert another.query("SELECT count(*) FROM oddities") == "502"
        async with another.managed.session(another.managed.stored()) as session:
            assert await session.fetchval("SELECT count(*) FROM items") == 0


async def test_a_column_may_have_any_name(service: Service) -> None:
    async def checksum(name: str) -> str:
        await asyncio.sleep(1.1)  # names are seconds
        await backup(service.settings)
        (table,) = (
            table
            for table in read_manifest(service.files("manifest.json")[-1]).tables
            if table.name == f"public.{name}"
        )
        return table.checksum

    service.query_as_owner("CREATE TABLE odd (t text, x int); INSERT INTO odd VALUES ('a', 1)")
    before = await checksum("odd")
    service.query_as_owner("UPDATE odd SET x = 2")
    assert await checksum("odd") != before


async def test_one_may_be_named(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    await backup(service.settings)
    service.query("DELETE FROM oddities")
    await asyncio.sleep(1.1)  # names are seconds
    await backup(service.settings)
    await show(service.settings)
    first, second = capsys.readouterr().out.split()
    assert first < second
    service.start_anew()
    await restore(service.settings, first)
    assert service.query("SELECT count(*) FROM oddities") == "502"
    service.start_anew()
    with pytest.raises(JobError, match="there is no"):
        await restore(service.settings, "another/20200101T000000Z")


async def test_what_the_programs_say_is_passed_on(service: Service) -> None:
    service.query("CREATE SCHEMA hidden; CREATE TABLE hidden.secret (id int)")
    with pytest.raises((JobError, asyncpg.InsufficientPrivilegeError), match="hidden"):
        await backup(service.settings)
    assert service.files("manifest.json") == []


async def test_without_the_programs_it_says_where_they_belong(service: Service) -> None:
    nowhere = service.settings.model_copy(update={"backup_programs": "/nowhere"})
    with pytest.raises(JobError, match="APP_BACKUP_PROGRAMS"):
        await backup(nowhere)


async def test_without_a_place_for_backups_it_says_so(service: Service) -> None:
    with pytest.raises(JobError, match="APP_BACKUP_TARGET"):
        await backup(service.settings.model_copy(update={"backup_target": ""}))


async def test_a_person_gets_a_session_of_the_administrator(service: Service) -> None:
    environment = os.environ | service.managed.environment
    environment["APP_BACKUP_PROGRAMS"] = service.settings.backup_programs
    for arguments, database in (((), service.settings.database_name), (("postgres",), "postgres")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "accounts", "psql", *arguments),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate(b"SELECT current_user || '@' || current_database();")
        assert process.returncode == 0
        assert f"{ADMINISTRATOR.username}@{database}" in said.decode()


async def test_the_command_line(service: Service) -> None:
    settings = service.settings
    environment = os.environ | service.managed.environment
    environment["APP_BACKUP_TARGET"] = settings.backup_target
    environment["APP_BACKUP_PROGRAMS"] = settings.backup_programs
    outputs = []
    for command in ("backup", "backups", "restore-drill", "restore"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "accounts", command),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        outputs.append(((await process.communicate())[0].decode(), process.returncode))
    assert [code for _, code in outputs] == [0, 0, 0, 1]
    assert outputs[1][0].startswith("accounts/20")
    assert "restore drill passed" in outputs[2][0]
    assert "is not empty" in outputs[3][0]
