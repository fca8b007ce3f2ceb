"""New passwords while the service works with the old ones."""

from __future__ import annotations

from tests.generated.data.api import check_only, load
from tests.generated.data.conftest import OpenApi
from tests.generated.data.items import create, get
from tests.generated.data.jobs.jobs import Jobs
from tests.generated.data.servers import eventually

USERS = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE '%\\_app\\__' ORDER BY 1"


def test_credentials_are_rotated_under_load(jobs: Jobs, start: OpenApi) -> None:
    """No request fails; the login before stays valid until it is its turn again, and not longer."""
    first = jobs.credential()
    before = start(jobs.settings)
    item = create(before)
    with load(lambda: create(before), lambda: get(before, item), times=3) as running:
        running.await_more(30, 201)
        jobs.run("rotate-credentials")
        second = jobs.credential()
        assert second["username"] != first["username"]
        assert jobs.can_log_in(first), "whoever has not read the secret again"
        running.await_more(30, 201)

        # Its pool still holds sessions of the first login, so that one must not be given away.
        refused = jobs.start("rotate-credentials")
        assert refused.wait() == 1
        assert refused.told("still has") == 1
        assert jobs.credential() == second
        running.await_more(30, 201)

        # Pods that start now know the second login alone.
        after = start(jobs.settings)
        with load(lambda: create(after), lambda: get(after, item), times=3) as running_after:
            running_after.await_more(30, 201)
            assert jobs.query(USERS).split() == sorted([first["username"], second["username"]])
    check_only(running.answers, 200, 201, api=before)
    check_only(running_after.answers, 200, 201, api=after)


def test_the_login_before_ends_with_the_next_rotation(jobs: Jobs, start: OpenApi) -> None:
    first = jobs.credential()
    jobs.run("rotate-credentials")
    second = jobs.credential()
    api = start(jobs.settings)
    item = create(api)
    eventually(lambda: jobs.query(USERS) == second["username"], "it works with the second one")
    with load(lambda: create(api), lambda: get(api, item), times=3) as running:
        running.await_more(30, 201)
        jobs.run("rotate-credentials")
        running.await_more(30, 201)
    check_only(running.answers, 200, 201, api=api)
    third = jobs.credential()
    assert third["username"] == first["username"]
    assert not jobs.can_log_in(first), "its password is another one now"
    assert jobs.can_log_in(second)
    assert jobs.can_log_in(third)
