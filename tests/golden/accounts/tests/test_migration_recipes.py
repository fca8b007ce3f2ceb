"""The recipes of docs/migrations.md on a real PostgreSQL, and what happens when one fails."""

import re
from pathlib import Path

import pytest
from alembic.config import Config

from accounts.database_admin.session import JobError
from accounts.migrations import run
from accounts.migrations.environment import migrate, use
from accounts.migrations.operations import START_SECONDS, within
from accounts.settings import Settings
from tests import migration_samples as samples
from tests.databases import ScratchDatabase
from tests.migration_samples import Step
from tests.test_migrations import VERSION, schema

BAD_ROW = "INSERT INTO notes VALUES (gen_random_uuid(), '')"
TWICE = """
    INSERT INTO notes SELECT gen_random_uuid(), 'somebody@example.com' FROM generate_series(1, 2)
"""
ONE_BACK = """
    UPDATE alembic_version SET version_num = lpad((version_num::int - 1)::text, 4, '0')
    RETURNING version_num
"""


class Migrations:
    """Those of a folder, run as `migrate up` and `migrate down` do it."""

    def __init__(self, database: ScratchDatabase, folder: Path) -> None:
        self._settings = Settings(**database.settings)
        self._folder = folder

    async def move(self, target: str, *, down: bool = False) -> None:
        """To a revision."""

        def work(config: Config) -> None:
            use(config, self._folder)
            migrate(config, target, down=down)

        await run._again_when_locked(self._settings, work)


@pytest.fixture
def migrations(empty_database: ScratchDatabase, tmp_path: Path) -> Migrations:
    """To be written with samples.write(tmp_path, …)."""
    return Migrations(empty_database, tmp_path)


@pytest.mark.parametrize("name", samples.GOOD)
async def test_up_down_up(
    migrations: Migrations, empty_database: ScratchDatabase, tmp_path: Path, name: str
) -> None:
    steps = samples.GOOD[name]
    samples.write(tmp_path, *steps)
    await migrations.move("0001")
    before = schema(empty_database)
    for number, step in enumerate(steps, start=2):
        await migrations.move(f"{number:04}")
        if "online()" in step.up:
            # A job that was killed between the last statement and the entry of its version.
            assert empty_database.query(ONE_BACK).startswith(f"{number - 1:04}")
            await migrations.move(f"{number:04}")
    after = schema(empty_database)
    assert after != before
    await migrations.move("0001", down=True)
    assert schema(empty_database) == before
    await migrations.move("heads")
    assert schema(empty_database) == after


async def test_what_came_before_a_failure_stays(
    migrations: Migrations, empty_database: ScratchDatabase, tmp_path: Path
) -> None:
    samples.write(tmp_path, *samples.GOOD["check"])
    await migrations.move("0001")
    empty_database.query(BAD_ROW)
    for _ in range(2):
        with pytest.raises(JobError, match="is violated by some row"):
            await migrations.move("heads")
        assert empty_database.query(VERSION) == "0002"
    empty_database.query("DELETE FROM notes")
    await migrations.move("heads")
    assert empty_database.query(VERSION) == "0003"


async def test_what_is_logged_has_no_rows(
    migrations: Migrations, empty_database: ScratchDatabase, tmp_path: Path
) -> None:
    samples.write(tmp_path, *samples.GOOD["unique"])
    await migrations.move("0001")
    empty_database.query(TWICE)
    with pytest.raises(JobError, match="could not create unique index") as failure:
        await migrations.move("heads")
    assert "CREATE UNIQUE INDEX CONCURRENTLY" in str(failure.value)
    assert "somebody@example.com" not in str(failure.value)


async def test_a_statement_ends_before_the_job_does(
    migrations: Migrations, empty_database: ScratchDatabase, tmp_path: Path
) -> None:
    setting = "current_setting('statement_timeout')"
    samples.write(
        tmp_path,
        Step(f"""
with online():
    op.execute("CREATE TABLE shown AS SELECT {setting} AS value")
op.execute("INSERT INTO shown SELECT {setting}")
"""),
    )
    with within(START_SECONDS + 100):
        await migrations.move("heads")
    seen, after = empty_database.query("SELECT value FROM shown").split()
    assert re.fullmatch(r"[1-9]\ds|100s|1min \d+s|1min", seen)
    assert after == "30s"
