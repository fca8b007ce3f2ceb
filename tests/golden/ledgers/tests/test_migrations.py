"""Migrations on a real PostgreSQL: there and back, two at once, behind a lock, after a crash."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import asyncpg
import pytest

from ledgers.__main__ import main
from ledgers.database_admin import session as admin_session
from ledgers.database_admin.names import OWNER
from ledgers.database_admin.session import JobError, only_one
from ledgers.migrations import commands, operations, run
from ledgers.migrations.environment import VERSIONS
from ledgers.migrations.modules import scripts
from ledgers.migrations.run import down, up
from ledgers.settings import Settings
from local.postgresql_files import program
from local.postgresql_files import run as run_program
from local.processes import EngineError
from tests.databases import ScratchDatabase

VERSION = "SELECT version_num FROM alembic_version"
INDEXES = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


def settings_of(database: ScratchDatabase) -> Settings:
    """What the jobs of a database read."""
    return Settings(**database.settings)


def schema(database: ScratchDatabase) -> str:
    """The schema, rights included, as PostgreSQL writes it down."""
    server = database.server
    options = [f"--host={server.host}", f"--port={server.port}", "--username=postgres"]
    what = ["--schema-only", "--restrict-key=none", database.name]
    return run_program([program("pg_dump"), *options, *what], server.superuser.password)


@asynccontextmanager
async def session(database: ScratchDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A session of the superuser."""
    server = database.server
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        host=server.host,
        port=server.port,
        user=server.superuser.username,
        password=server.superuser.password,
        database=database.name,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def test_up_down_up_gives_the_same_schema(empty_database: ScratchDatabase) -> None:
    settings = settings_of(empty_database)
    await up(settings)
    first = schema(empty_database)
    assert "CREATE TABLE" in first
    await down(settings, "base")
    assert "CREATE TABLE public.items" not in schema(empty_database)
    await up(settings)
    assert schema(empty_database) == first
    await up(settings)
    assert schema(empty_database) == first


async def test_each_migration_can_be_taken_back(empty_database: ScratchDatabase) -> None:
    settings = settings_of(empty_database)
    revisions = sorted(scripts(VERSIONS).values(), key=lambda script: script.revision)
    assert revisions
    for script in revisions:
        before = schema(empty_database)
        await up(settings, script.revision)
        assert empty_database.query(VERSION) == script.revision
        if script.down_revision:  # The first one leaves the table of versions behind.
            await down(settings, "-1")
            assert schema(empty_database) == before
            await up(settings, script.revision)


async def test_migrations_make_what_the_code_declares(database: ScratchDatabase) -> None:
    await commands.check(settings_of(database))


async def test_a_difference_is_found(database: ScratchDatabase) -> None:
    database.query("ALTER TABLE items ADD COLUMN forgotten text")
    with pytest.raises(JobError, match=r"op.drop_column\('items', 'forgotten'\)"):
        await commands.check(settings_of(database))


async def test_history_tells_what_has_run(
    empty_database: ScratchDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    await commands.history(settings_of(empty_database))
    before = capsys.readouterr().out
    await up(settings_of(empty_database))
    await commands.history(settings_of(empty_database))
    after = capsys.readouterr().out
    assert "  0001  expand" in before
    assert "* 0001  expand" in after


async def test_a_draft_leads_from_the_database_to_the_models(
    database: ScratchDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.query("ALTER TABLE items DROP COLUMN quantity")
    shutil.copytree(VERSIONS, tmp_path, dirs_exist_ok=True)
    await commands.new(settings_of(database), "bring it back", tmp_path)
    written = capsys.readouterr().out.strip()
    assert written.endswith("_bring_it_back.py")
    text = await asyncio.to_thread(Path(written).read_text)
    assert "op.add_column('items', sa.Column('quantity'" in text
    assert re.search(r"^revision: str = '\d{4}_[0-9a-f]{4}'$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["migrate", "history"], 0),
        (["migrate", "check"], 0),
        (["migrate", "up"], 0),
        (["migrate", "down", "9999"], 1),
        (["migrate", "lint"], 0),
        (["database-roles"], 0),
    ],
)
def test_the_command_line(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    for name, value in database.environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == code


async def test_two_at_once_are_one_after_the_other(empty_database: ScratchDatabase) -> None:
    environment = os.environ | empty_database.environment
    command = [sys.executable, "-m", "ledgers", "migrate", "up"]
    processes = [
        await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    outputs = [(await process.communicate())[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("Running upgrade  -> 0001" in output for output in outputs) == 1


async def test_one_waits_for_the_other(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(database) as other:
        async with only_one(other, "migrations"):
            waiting = asyncio.create_task(up(settings_of(database)))
            await asyncio.sleep(1)
            assert not waiting.done()
        await waiting
        monkeypatch.setattr(admin_session, "LOCK_WAIT_SECONDS", 0.1)
        async with only_one(other, "migrations"):
            with pytest.raises(JobError, match="another one has been at it"):
                await up(settings_of(database))


async def test_a_lock_that_cannot_be_had_is_tried_again(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "DEFAULT", operations.Timeouts(lock="200ms", statement="5s"))
    monkeypatch.setattr(operations, "ONLINE_LOCK", "200ms")
    monkeypatch.setattr(run, "PAUSE_SECONDS", 0.2)
    async with session(database) as reader:
        transaction = reader.transaction()
        await transaction.start()
        await reader.execute("LOCK TABLE items IN ACCESS SHARE MODE")
        migration = asyncio.create_task(down(settings_of(database), "base"))
        await asyncio.sleep(1.0)
        # Whoever comes while the migration waits is served as soon as it gives up.
        began = perf_counter()
        async with session(database) as late:
            await late.fetchval("SELECT count(*) FROM items")
        assert perf_counter() - began < 1.0
        assert not migration.done()
        await transaction.rollback()
        await migration
    assert database.query(VERSION) == ""


async def test_it_does_not_try_for_ever(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "DEFAULT", operations.Timeouts(lock="50ms", statement="5s"))
    monkeypatch.setattr(operations, "ONLINE_LOCK", "50ms")
    monkeypatch.setattr(run, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(run, "ATTEMPTS", 2)
    async with session(database) as reader, reader.transaction():
        await reader.execute("LOCK TABLE items IN ACCESS SHARE MODE")
        with pytest.raises(JobError, match="lock timeout"):
            await down(settings_of(database), "base")
    assert database.query(VERSION) != ""


async def test_an_index_that_was_left_half_built_is_dropped(database: ScratchDatabase) -> None:
    database.query("CREATE TABLE twice (x int); INSERT INTO twice VALUES (1), (1)")
    database.query(f"ALTER TABLE twice OWNER TO {OWNER}")
    with pytest.raises(EngineError):
        database.query("CREATE UNIQUE INDEX CONCURRENTLY half ON twice (x)")
    assert database.query(INDEXES) == "1"
    await up(settings_of(database))
    assert database.query(INDEXES) == "0"


async def test_an_older_version_leaves_a_newer_database_as_it_is(
    database: ScratchDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.query("UPDATE alembic_version SET version_num = '9999'")
    await up(settings_of(database))
    assert "the database is newer than this version" in caplog.text
    assert database.query(VERSION) == "9999"


async def test_an_unknown_revision_is_said_so(database: ScratchDatabase) -> None:
    with pytest.raises(JobError, match="9999"):
        await up(settings_of(database), "9999")


@pytest.mark.parametrize(
    "lead_astray",
    [
        "UPDATE alembic_version SET version_num = '0000'",
        "UPDATE alembic_version SET version_num = left(version_num, 4) || '_ab12'",
    ],
)
async def test_a_database_of_another_branch_is_refused(
    database: ScratchDatabase, lead_astray: str
) -> None:
    """Also when that branch has as many migrations as this one."""
    database.query(lead_astray)
    with pytest.raises(JobError, match=r"the database has migration \d{4}\w*, which"):
        await up(settings_of(database))
