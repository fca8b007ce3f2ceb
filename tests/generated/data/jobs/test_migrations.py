"""Migrations while the service is in use, two at once, and killed in the middle."""

from __future__ import annotations

import pytest

from tests.generated.data.api import check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get, listed
from tests.generated.data.jobs.jobs import Jobs
from tests.generated.data.servers import eventually

HEAD = '''"""Of the next release."""

import sqlalchemy as sa
from alembic import op
from orders.migrations.operations import online

revision: str = "{revision}"
down_revision: str | None = "{before}"
phase: str = "expand"


'''
COLUMN = (
    HEAD.format(revision="0002", before="0001")
    + """\
def upgrade() -> None:
    op.add_column("items", sa.Column("size", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("items", "size")
"""
)
INDEX = (
    HEAD.format(revision="0003", before="0002")
    + """\
def upgrade() -> None:
    with online():
        op.create_index("ix_items_size", "items", ["size"], postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with online():
        op.drop_index("ix_items_size", postgresql_concurrently=True, if_exists=True)
"""
)
VERSION = "SELECT version_num FROM alembic_version"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_items_size')"
BUILDING = "SELECT count(*) FROM pg_stat_progress_create_index"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/migrations'"
IN_USE = "LOCK TABLE items IN ROW EXCLUSIVE MODE"
"""What an insert holds until its transaction ends; who builds an index beside it waits for that."""


@pytest.fixture(autouse=True)
def next_release(jobs: Jobs) -> None:
    """A column, and an index that is built beside the traffic."""
    jobs.add_migrations(column=COLUMN, index=INDEX)


def test_nobody_notices_two_of_them_at_once(jobs: Jobs, start: OpenApi) -> None:
    """As in two pipelines: one of them works, both end well, and the service goes on serving."""
    api = start(jobs.settings)
    item = create(api)
    with load(lambda: create(api), lambda: get(api, item), lambda: api.ask("GET", "/v1/items"), times=2) as running:
        running.await_more(50, 200)
        jobs.run("migrate", "up", "0002")
        with jobs.transaction(IN_USE):
            first = jobs.start("migrate", "up")
            eventually(lambda: jobs.query(BUILDING) == "1", first.log.read_text)
            second = jobs.start("migrate", "up")
            eventually(lambda: second.told("waiting for another process") == 1, second.log.read_text)
        assert [job.wait() for job in (first, second)] == [0, 0], second.log.read_text()
        running.await_more(50, 201)
    check_only(running.answers, 200, 201, api=api)
    assert (first.told("Running upgrade 0002 -> 0003"), second.told("Running upgrade")) == (1, 0)
    assert (jobs.query(VERSION), jobs.query(VALID)) == ("0003", "t")
    assert [each["id"] for each in listed(api, item.json["name"])["items"]] == [item.json["id"]]


def test_what_a_killed_one_was_at_is_done_by_the_next(jobs: Jobs) -> None:
    """And it need not wait until what the dead one waited for has happened."""
    jobs.run("migrate", "up", "0002")
    with jobs.transaction(IN_USE):
        job = jobs.start("migrate", "up")
        eventually(lambda: jobs.query(BUILDING) == "1", job.log.read_text)
        job.kill()
        assert jobs.query(VALID) == "f", "half of it is left"
        eventually(lambda: jobs.query(SESSIONS) == "0", "the statement of a dead job holds its lock")
    following = jobs.run("migrate", "up")
    assert following.told("left half built") == 1
    assert (jobs.query(VERSION), jobs.query(VALID)) == ("0003", "t")


def test_a_server_that_crashes_under_it_costs_a_second_run(jobs: Jobs) -> None:
    jobs.run("migrate", "up", "0002")
    with jobs.transaction(IN_USE):
        job = jobs.start("migrate", "up")
        eventually(lambda: jobs.query(BUILDING) == "1", job.log.read_text)
        jobs.server.kill()
        assert job.wait() == 1, job.log.read_text()
    jobs.server.start()
    assert (jobs.query(VERSION), jobs.query(VALID)) == ("0002", "f")
    jobs.run("migrate", "up")
    assert (jobs.query(VERSION), jobs.query(VALID)) == ("0003", "t")


def test_one_that_is_told_to_stop_leaves_no_statement_behind(jobs: Jobs) -> None:
    """A node is drained."""
    jobs.run("migrate", "up", "0002")
    with jobs.transaction(IN_USE):
        job = jobs.start("migrate", "up")
        eventually(lambda: jobs.query(BUILDING) == "1", job.log.read_text)
        job.process.terminate()
        assert job.wait() == 143, job.log.read_text()
        assert jobs.query(SESSIONS) == "0"
    assert job.told("stopped before it was done") == 1
    jobs.run("migrate", "up")
    assert (jobs.query(VERSION), jobs.query(VALID)) == ("0003", "t")
