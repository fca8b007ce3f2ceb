"""Backups made under load, restored after the disaster, and jobs that die on the way."""

from __future__ import annotations

import pytest

from tests.generated.data.api import check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get
from tests.generated.data.jobs.jobs import Jobs
from tests.generated.data.servers import DATABASE, eventually

SCRATCH = "orders_restore_drill"
FILL = """
INSERT INTO items (id, name, quantity, version)
SELECT gen_random_uuid(), 'item ' || number, number % 1000, 1 FROM generate_series(1, 200000) AS number
"""
"""Enough that a restore takes a second or two: there is a middle in which it can be killed."""
CONTENT = "SELECT count(*), md5(string_agg(items::text, ',' ORDER BY id)) FROM items"
TABLES = "SELECT count(*) FROM pg_class WHERE relname = 'items'"
RESTORING = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'COPY public.items%'"


@pytest.fixture
def filled(jobs: Jobs) -> Jobs:
    """Jobs on a database with rows."""
    jobs.query(FILL)
    return jobs


def restoring(jobs: Jobs, database: str = DATABASE) -> bool:
    """Whether rows are on their way."""
    return bool(jobs.server.query(RESTORING.format(database)) == "1")


def test_the_service_loses_its_database_and_gets_it_back(jobs: Jobs, start: OpenApi) -> None:
    """No restart and no answer of 500; what was written after the backup is lost, and nothing else."""
    api = start(jobs.settings)
    item = create(api)
    with load(lambda: create(api), lambda: get(api, item), times=2) as running:
        running.await_more(50, 201)
        jobs.run("backup")  # beside the writes, and neither in the other's way
        running.await_more(50, 201)
    check_only(running.answers, 200, 201, api=api)
    before = jobs.query(CONTENT)
    jobs.run("backup")
    create(api)
    assert jobs.query(CONTENT) != before

    with load(lambda: get(api, item), times=2) as readers:
        readers.await_more(20, 200)
        jobs.drop_database()
        readers.await_more(20, 503)
    check_only(readers.answers, 200, 503, api=api)
    jobs.run("restore")
    assert jobs.query(CONTENT) == before
    eventually(lambda: get(api, item).status == 200, "it does not find back")
    assert get(api, create(api)).status == 200, "it writes again"
    jobs.run("migrate", "check")
    jobs.run("restore-drill")


def test_a_restore_that_is_killed_leaves_an_empty_database(filled: Jobs) -> None:
    before = filled.query(CONTENT)
    filled.run("backup")
    filled.drop_database()
    job = filled.start("restore")
    eventually(lambda: restoring(filled), job.log.read_text)
    job.kill()
    eventually(lambda: not restoring(filled), "the server goes on without it")
    assert filled.query(TABLES) == "0"
    filled.run("restore")
    assert filled.query(CONTENT) == before


def test_a_drill_that_is_told_to_stop_takes_its_database_with_it(filled: Jobs) -> None:
    """The deadline of the job has passed, or its node is drained."""
    filled.run("backup")
    job = filled.start("restore-drill")
    eventually(lambda: restoring(filled, SCRATCH), job.log.read_text)
    job.process.terminate()
    assert job.wait() == 143, job.log.read_text()
    assert SCRATCH not in filled.databases()
    assert not (filled.backups / "orders-drills").exists(), "it has not passed"


def test_what_a_killed_drill_leaves_goes_with_the_next_job(filled: Jobs) -> None:
    filled.run("backup")
    job = filled.start("restore-drill")
    eventually(lambda: restoring(filled, SCRATCH), job.log.read_text)
    job.kill()
    assert SCRATCH in filled.databases()
    filled.run("restore-drill")
    assert SCRATCH not in filled.databases()
    assert len(list((filled.backups / "orders-drills").iterdir())) == 1
