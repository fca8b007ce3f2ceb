"""The PostgreSQL of tests and local runs: it does what a crash, a standby and a failover do."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.postgresql import Postgresql, open_postgresql, open_standby
from local.processes import LOOPBACK, EngineError

ROOT = Path(__file__).parent.parent
_HOLDS_A_SERVER = """
import pathlib, sys, time
from local.postgresql import open_postgresql
with open_postgresql(pathlib.Path(sys.argv[1])) as server:
    print(server.port, flush=True)
    time.sleep(600)
"""


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def test_what_was_committed_survives_a_crash_of_the_server() -> None:
    with TemporaryDirectory() as folder, open_postgresql(Path(folder)) as server:
        server.query("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('kept')")
        port = server.port
        server.kill()
        assert not listens(port)
        server.start()
        assert server.port == port
        assert server.query("SELECT text FROM notes") == "kept"


def test_durable_data_is_there_in_the_next_run() -> None:
    with TemporaryDirectory() as folder:
        with open_postgresql(Path(folder), durable=True) as server:
            server.query("CREATE TABLE notes (text text)")
        with open_postgresql(Path(folder), durable=True) as server:
            assert server.query("SELECT count(*) FROM notes; SHOW fsync") == "0\non"


def test_a_standby_falls_behind_catches_up_and_takes_over() -> None:
    with (
        TemporaryDirectory() as folder,
        TemporaryDirectory() as other,
        open_postgresql(Path(folder)) as primary,
        open_standby(primary, Path(other)) as standby,
    ):
        primary.query("CREATE TABLE notes (text text)")
        standby.catch_up_with(primary)
        standby.pause_replay()
        primary.query("INSERT INTO notes VALUES ('late')")
        assert standby.query("SELECT text FROM notes") == ""
        standby.resume_replay()
        standby.catch_up_with(primary)
        assert standby.query("SELECT text FROM notes") == "late"
        with pytest.raises(EngineError, match="read-only"):
            standby.query("INSERT INTO notes VALUES ('refused')")
        primary.kill()
        standby.promote()
        standby.query("INSERT INTO notes VALUES ('taken')")
        assert standby.query("SELECT count(*) FROM notes") == "2"


def test_a_paused_server_answers_nothing(postgresql: Postgresql) -> None:
    with TemporaryDirectory() as folder, open_standby(postgresql, Path(folder)) as server:
        server.pause()
        with socket.create_connection((LOOPBACK, server.port), timeout=0.2) as connection:
            connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # asks for TLS
            with pytest.raises(TimeoutError):
                connection.recv(1)
        server.resume()
        assert server.query("SELECT 1") == "1"


def test_a_failing_statement_is_an_error(postgresql: Postgresql) -> None:
    with pytest.raises(EngineError, match="division by zero"):
        postgresql.query("SELECT 1/0")


def test_it_says_why_it_does_not_start(postgresql: Postgresql) -> None:
    with (
        TemporaryDirectory() as folder,
        pytest.raises(EngineError, match=r"(?s)does not start; it said:.*in use"),
        open_postgresql(Path(folder), port=postgresql.port),
    ):
        pass


def test_no_server_outlives_who_started_it() -> None:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _HOLDS_A_SERVER, folder]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:  # noqa: S603 our own code
            assert holder.stdout
            port = int(holder.stdout.readline())
            assert listens(port)
            holder.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
