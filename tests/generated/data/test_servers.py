"""The servers behind these tests do what the tests rely on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from standardized_modules.engines.carried import carried
from standardized_modules.engines.running import LOOPBACK
from tests.generated.data.servers import Cluster, Server, open_cluster, open_pooler


@pytest.fixture
def pair(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Servers without roles and schema: these tests need none."""
    with open_cluster(postgresql, tmp_path_factory.mktemp("credentials")) as made:
        yield made


def ask(port: int, superuser: tuple[str, str], *statements: str) -> subprocess.CompletedProcess[str]:
    """Statements, each a transaction of one session."""
    username, password = superuser
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    return subprocess.run(
        [
            carried("postgresql_files").program("psql"),
            f"host={LOOPBACK} port={port} user={username} dbname=postgres",
            *options,
            *(f"--command={each}" for each in statements),
        ],
        env={"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_address_of_the_primary_moves_with_it(pair: Cluster) -> None:
    superuser = pair.primary.superuser
    assert ask(pair.writer.port, superuser, "CREATE TABLE notes (text text)").returncode == 0
    pair.standby.catch_up_with(pair.primary)
    assert "read-only" in ask(pair.reader.port, superuser, "INSERT INTO notes VALUES ('a')").stderr
    pair.primary.kill()
    assert ask(pair.writer.port, superuser, "SELECT 1").returncode != 0
    pair.promote_standby()
    assert ask(pair.writer.port, superuser, "INSERT INTO notes VALUES ('b')", "TABLE notes").stdout == "b\n"
    assert ask(pair.reader.port, superuser, "SELECT 1").returncode != 0
    with ExitStack() as stack:
        pair.add_standby(stack)
        assert ask(pair.reader.port, superuser, "SELECT pg_is_in_recovery(), text FROM notes").stdout == "t|b\n"


def test_the_pooler_gives_a_session_another_connection_in_each_transaction(pair: Cluster) -> None:
    """So what a client sets for its session is not there later, or hits somebody else."""
    superuser = pair.primary.superuser
    with open_pooler(pair.writer.port, superuser, pool_size=1) as pooler:
        first = ask(pooler.port, superuser, "SET statement_timeout = '1234ms'", "SHOW statement_timeout")
        assert first.stdout == "1234ms\n", first.stderr
        assert ask(pooler.port, superuser, "SHOW statement_timeout").stdout == "1234ms\n", "of another client"
        refused = ask(pooler.port, (superuser.username, "wrong"), "SELECT 1")
        assert refused.returncode != 0
        assert "transaction" in [row[1] for row in pooler.show("CONFIG") if row[0] == "pool_mode"]


def test_the_pooler_learns_a_new_password_from_the_server(pair: Cluster) -> None:
    superuser = pair.primary.superuser
    pair.primary.query("CREATE ROLE somebody LOGIN PASSWORD 'first'")
    with open_pooler(pair.writer.port, superuser) as pooler:
        assert ask(pooler.port, ("somebody", "first"), "SELECT current_user").stdout == "somebody\n"
        pair.primary.query("ALTER ROLE somebody PASSWORD 'second'")
        assert ask(pooler.port, ("somebody", "second"), "SELECT current_user").stdout == "somebody\n"
        pair.fail_over()
        assert ask(pooler.port, ("somebody", "second"), "SELECT current_user").stdout == "somebody\n"


def test_a_commit_waits_for_the_standby_to_have_it_but_not_to_show_it(pair: Cluster) -> None:
    superuser = pair.primary.superuser
    pair.primary.query("CREATE TABLE notes (text text)")
    pair.standby.catch_up_with(pair.primary)
    pair.standby.pause_replay()
    assert ask(pair.writer.port, superuser, "INSERT INTO notes VALUES ('a')").returncode == 0
    assert ask(pair.reader.port, superuser, "TABLE notes").stdout == ""
    pair.fail_over()
    assert ask(pair.writer.port, superuser, "TABLE notes").stdout == "a\n"


def test_a_standby_that_goes_away_holds_nobody_up(pair: Cluster) -> None:
    superuser = pair.primary.superuser
    pair.stop_standby()
    assert ask(pair.writer.port, superuser, "CREATE TABLE notes (text text)").returncode == 0
    assert ask(pair.reader.port, superuser, "SELECT 1").returncode != 0
