"""A primary with a streaming standby, addresses that move at a failover, and PgBouncer in between."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from standardized_modules.engines.carried import carried
from standardized_modules.engines.running import LOOPBACK, free_port
from tests.generated.worker.proxy import Proxy, open_proxy

PATIENCE = 60.0
"""Seconds. Nothing here takes a tenth of it on an idle machine, and the machine is not idle."""
DATABASE = "orders"
Server = Any
"""`local.postgresql.Postgresql`, as services carry it."""
_PGBOUNCER = """\
[databases]
* = host={host} port={target}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {pool_size}
auth_type = scram-sha-256
auth_file = {folder}/users.txt
auth_user = postgres
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
admin_users = postgres
server_login_retry = 0.2
{user}
"""


class Cluster:
    """Two servers and the addresses under which the service knows them.

    Args:
        primary: Takes writes.
        standby: Streams from it.
        writer: The address of whoever is the primary.
        reader: The address of the standby.
        credentials: The folder of the secrets.
        database: The service's.
    """

    def __init__(
        self, primary: Server, standby: Server, writer: Proxy, reader: Proxy, credentials: Path, database: str
    ) -> None:
        self.primary, self.standby, self.credentials = primary, standby, credentials
        self.writer, self.reader, self.database = writer, reader, database
        writer.to(primary.port)
        reader.to(standby.port)

    @property
    def settings(self) -> dict[str, str]:
        """What leads the service to it: writes to one address, reads to the other."""
        return {
            **carried("postgresql").database_settings(self.primary, self.credentials, self.database),
            "APP_DATABASE_PORT": str(self.writer.port),
            "APP_DATABASE_REPLICA_HOSTS": f"{LOOPBACK}:{self.reader.port}",
        }

    def query(self, statements: str) -> str:
        """As the superuser, on the primary."""
        return str(self.primary.query(statements, self.database))

    @contextmanager
    def unconfirmed_commits(self, number: int) -> Iterator[None]:
        """So many commits, at least, wait for the standby as long as the context lasts."""
        receiver = int(self.standby.query("SELECT pid FROM pg_stat_wal_receiver"))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        os.kill(receiver, signal.SIGSTOP)
        try:
            eventually(lambda: int(self.primary.query(waiting)) >= number, "commits do not wait")
            yield
        finally:
            os.kill(receiver, signal.SIGCONT)

    def fail_over(self) -> None:
        """The primary crashes; the standby takes its place, and its address, a moment later."""
        self.primary.kill()
        self.promote_standby()

    def promote_standby(self) -> None:
        """The standby is the primary, and connections to the old one end. Nobody is left to read from."""
        self.reader.cut()
        self.standby.promote()
        self.writer.cut()
        self.writer.to(self.standby.port)
        self.writer.restore()
        self.primary, self.standby = self.standby, self.primary

    def stop_standby(self) -> None:
        """The replica goes away; the primary waits for it no longer."""
        self.primary.query("ALTER SYSTEM RESET synchronous_standby_names")
        self.primary.query("SELECT pg_reload_conf()")
        self.reader.cut()
        self.standby.stop()

    def add_standby(self, stack: ExitStack) -> None:
        """A new standby for whoever is the primary, under the old address."""
        self.standby = stack.enter_context(_standby_of(self.primary))
        self.reader.to(self.standby.port)
        self.reader.restore()


@contextmanager
def open_cluster(source: Server, credentials: Path, database: str = DATABASE) -> Iterator[Cluster]:
    """A pair of its own that begins as a copy of a server: much faster than roles and migrations.

    Commits wait until the standby has them on disk, as in a Multi-AZ instance or a zone-redundant
    server; they do not wait until it shows them. So a failover loses nothing, and a replay that is
    paused holds nobody up. A primary without a standby waits for ever: see `stop_standby`.
    """
    with _standby_of(source) as primary:
        primary.promote()
        with _standby_of(primary) as standby, open_proxy() as writer, open_proxy() as reader:
            standby.catch_up_with(primary)
            primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.query("SELECT pg_reload_conf()")
            yield Cluster(primary, standby, writer, reader, credentials, database)


@contextmanager
def _standby_of(source: Server) -> Iterator[Server]:
    with TemporaryDirectory() as folder, carried("postgresql").open_standby(source, Path(folder)) as server:
        yield server


def prepare(python: Path, settings: Mapping[str, str]) -> None:
    """Roles and schema, by the service's own commands."""
    for command in (("database-roles",), ("migrate", "up")):
        done = run_command(python, settings, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def run_command(python: Path, settings: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """A command of the service."""
    return subprocess.run(
        [python, "-m", "orders", *command],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@contextmanager
def hold_table(server: Server, table: str, mode: str = "SHARE ROW EXCLUSIVE") -> Iterator[None]:
    """Nobody writes to it, or whatever the lock says, as long as the context lasts."""
    name = f"holds {table}"
    sessions = f"FROM pg_stat_activity WHERE application_name = '{name}'"
    hold = f"SET application_name = '{name}'; BEGIN; LOCK TABLE {table} IN {mode} MODE; SELECT pg_sleep(600)"
    holder = threading.Thread(target=_until_ended, args=(server, hold))
    holder.start()
    try:
        eventually(lambda: server.query(f"SELECT wait_event {sessions}") == "PgSleep", "the lock is not to be had")
        yield
    finally:
        server.query(f"SELECT pg_terminate_backend(pid) {sessions}")
        holder.join(PATIENCE)


def _until_ended(server: Server, statements: str) -> None:
    with suppress(carried("processes").EngineError):
        server.query(statements, DATABASE)


class Pooler:
    """PgBouncer in transaction mode: a session of a client is on another connection in each transaction."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self._password = password

    def show(self, what: str) -> list[list[str]]:
        """A table of its console, without the header."""
        done = subprocess.run(
            [
                carried("postgresql_files").program("psql"),
                f"host={LOOPBACK} port={self.port} user=postgres dbname=pgbouncer",
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                f"--command=SHOW {what}",
            ],
            env={"PGPASSWORD": self._password},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("|") for line in done.stdout.splitlines()]


@contextmanager
def open_pooler(target: int, superuser: Any, pool_size: int = 10) -> Iterator[Pooler]:
    """PgBouncer in front of a port; it asks the server for the passwords of roles.

    Started anew when it ends by itself, as by the service manager of a real one: 1.18, which Debian 12 has, crashes
    now and then when clients leave while their login waits for a server ("bad client state: 0").
    """
    program = shutil.which("pgbouncer", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin")
    assert program, "tools/install_pgbouncer.sh puts it beside the Python of the tests"
    port = free_port()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "users.txt").write_text(f'"{superuser.username}" "{superuser.password}"\n')
        settings = folder / "pgbouncer.ini"
        # It refuses to run as root, too.
        user = f"user = {pwd.getpwnam('nobody').pw_name}" if os.geteuid() == 0 else ""
        settings.write_text(
            _PGBOUNCER.format(host=LOOPBACK, target=target, port=port, pool_size=pool_size, folder=folder, user=user)
        )
        log = folder / "log"
        keeper = ["/bin/sh", "-c", 'while :; do "$0" "$1"; sleep 0.1; done', program, settings]
        process = carried("processes").Process(keeper, log=log)
        try:
            carried("processes").wait_until(lambda: _listens(port), process, log)
            yield Pooler(port, superuser.password)
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def eventually(happens: Any, what: Any, seconds: float = PATIENCE) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what() if callable(what) else what}"
        time.sleep(0.05)
