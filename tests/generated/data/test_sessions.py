"""What the service makes sure of when a session begins: who answers, and which limits it has."""

from __future__ import annotations

from pathlib import Path

from tests.generated.data.api import Api, check_only
from tests.generated.data.conftest import OpenApi
from tests.generated.data.servers import Server, eventually, hold_table, open_pooler, run_command

FAULT = "APP_DATABASE_POOLER is false"


def test_a_pooler_that_the_settings_do_not_know_is_refused(
    postgresql: Server, settings: dict[str, str], python: Path, start: OpenApi
) -> None:
    """Prepared statements would meet other sessions: errors at best, and answers to other questions."""
    with open_pooler(postgresql.port, postgresql.superuser) as pooler:
        mistaken = {**settings, "APP_DATABASE_PORT": str(pooler.port)}
        api = start(mistaken, ready=False)
        check_only([api.ask("GET", "/v1/items") for _ in range(5)], 503, api=api)
        assert api.metric("database_unavailable_total", reason="pooler") > 0
        eventually(lambda: any(FAULT in line.get("stack", "") for line in api.lines()), api.log.read_text)
        assert not api.is_ready()
        # Jobs need a session of their own even more.
        done = run_command(python, mistaken, "migrate", "check")
        assert done.returncode != 0
        assert FAULT in done.stdout
        known = start({**mistaken, "APP_DATABASE_POOLER": "true"})
        assert known.ask("GET", "/v1/items").status == 200


def test_limits_of_the_role_hold_directly_and_through_a_pooler(processes: tuple[Api, Api], postgresql: Server) -> None:
    """The server ends what waits for a lock: before our own patience ends, and without a SET."""
    api, _ = processes
    assert api.ask("GET", "/v1/items").status == 200
    assert api.metric("database_limit_differs") == 0
    before = api.metric("database_unavailable_total", reason="contention")
    with hold_table(postgresql, "items", "ACCESS EXCLUSIVE"):
        check_only([api.ask("GET", "/v1/items")], 503, api=api)
    assert api.metric("database_unavailable_total", reason="contention") == before + 1
    assert api.ask("GET", "/v1/items").status == 200
