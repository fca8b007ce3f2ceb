"""A PostgreSQL server, and standbys that stream from it."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .postgresql_files import SUPERUSER, VERSION, account, initialise, program, reachable, run
from .processes import LOOPBACK, START_SECONDS, EngineError, Process, free_port, wait_until

_TRIES = 3
"""Another process may take the free port before PostgreSQL does, which can't choose one itself; and
what is left of a server that was killed may need a moment to end."""
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # A standby that is away for a while finds what it missed.
    "wal_keep_size": "128MB",
    # A standby comes back as soon as its primary does; every 5 s by default.
    "wal_retrieve_retry_interval": "200ms",
}


class Login(NamedTuple):
    """A role that may log in."""

    username: str
    password: str


class Postgresql:
    """A server and its data.

    Args:
        folder: Where the data is, in a folder of its own for each major version.
        port: Where to listen; 0 takes a free port, and keeps it.
        durable: Whether commits survive the end of the machine, and not just of the server.
    """

    def __init__(self, folder: Path, *, port: int = 0, durable: bool = False) -> None:
        self.folder = reachable(folder)
        self.host = LOOPBACK
        self.port = port
        self.data = self.folder / f"data-{VERSION.partition('.')[0]}"
        self.log = self.folder / "log"
        self._password = self.folder / "password"
        self.durable = durable
        self.process: Process | None = None
        self._paused: list[int] = []

    @property
    def superuser(self) -> Login:
        """Who may do anything."""
        return Login(SUPERUSER, self._password.read_text())

    @property
    def address(self) -> str:
        """What PostgreSQL's own programs take for it, as the superuser."""
        return f"host={self.host} port={self.port} user={SUPERUSER}"

    def start(self) -> None:
        """Start it, and return once it takes connections.

        Raises:
            EngineError: when it does not start.
        """
        for left in reversed(range(_TRIES)):
            port = self.port or free_port()
            try:
                self._start(port)
            except EngineError:
                if not left:
                    raise
            else:
                self.port = port
                return

    def _start(self, port: int) -> None:
        settings = {**_SETTINGS, "port": str(port), "fsync": "on" if self.durable else "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        self.log.unlink(missing_ok=True)
        self.process = process = Process(
            [program("postgres"), "-D", self.data, *options],
            log=self.log,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            account=account(),
            polite=signal.SIGINT,  # "fast": ends sessions, does not wait for them
        )
        try:
            wait_until(lambda: self._answers(process.pid), process, self.log)
        except EngineError as error:
            process.kill()
            raise EngineError(f"PostgreSQL {error}") from None
        except BaseException:
            process.kill()
            raise

    def _answers(self, pid: int) -> bool:
        """As `pg_ctl` sees it: the last line of the lock file, once it is of this process."""
        with suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().split()
            return lines[:1] == [str(pid)] and lines[-1] == "ready"
        return False

    def stop(self) -> None:
        """End it in order: sessions end, the rest is written."""
        self.resume()
        if self.process:
            self.process.stop()

    def kill(self) -> None:
        """End it as a crash of its machine does: sessions end with it, at once."""
        if self.process:
            pids = self._pids()
            self.process.kill()
            _signal(pids, signal.SIGKILL)

    def pause(self) -> None:
        """Let it answer nothing, neither sessions nor new connections."""
        self._paused = self._pids()
        _signal(self._paused, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        _signal(self._paused, signal.SIGCONT)
        self._paused = []

    def _pids(self) -> list[int]:
        """Of the server and its sessions, each of which leads a process group of its own."""
        assert self.process  # noqa: S101 it runs
        with suppress(EngineError):
            pids = self.query("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            return [self.process.pid, *map(int, pids.split())]
        return [self.process.pid]

    def query(self, statements: str, database: str = "postgres") -> str:
        """What statements of the superuser give: a row a line, values separated by `|`.

        Raises:
            EngineError: when one fails; those before it stay done.
        """
        options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
        return run(
            [program("psql"), *options, f"--dbname={self.address} dbname={database}"],
            self.superuser.password,
            statements,
        )

    def promote(self) -> None:
        """Turn a standby into a primary; returns once it takes writes."""
        self.query("SELECT pg_promote(wait => true)")

    def pause_replay(self) -> None:
        """Let a standby fall behind: it receives and does not apply."""
        self.query("SELECT pg_wal_replay_pause()")
        while self.query("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.01)

    def resume_replay(self) -> None:
        """Let a standby catch up."""
        self.query("SELECT pg_wal_replay_resume()")

    def catch_up_with(self, primary: "Postgresql") -> None:
        """Wait until a standby shows what its primary has committed so far."""
        position = primary.query("SELECT pg_current_wal_lsn()")
        caught_up = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        deadline = time.monotonic() + START_SECONDS
        while self.query(caught_up) != "t":
            if time.monotonic() > deadline:
                raise EngineError(f"PostgreSQL: the standby does not reach {position}")
            time.sleep(0.01)

    def initialise(self) -> None:
        """Make its data, unless it is there."""
        initialise(self.data, self._password)

    def copy(self, other: "Postgresql") -> None:
        """Make its data a copy of a server's that does not run, far sooner than `initialise`."""
        self._password.touch(mode=0o600)
        self._password.write_text(other.superuser.password)
        run(["cp", "-R", "-p", other.data, self.data])

    def follow(self, primary: "Postgresql") -> None:
        """Make its data a copy of a primary's, which knows where to stream from."""
        login = primary.superuser
        self._password.touch(mode=0o600)
        self._password.write_text(login.password)
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        places = [f"--dbname={primary.address}", f"--pgdata={self.data}"]
        run([program("pg_basebackup"), *places, *options], login.password)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def open_postgresql(folder: Path, *, port: int = 0, durable: bool = False) -> Iterator[Postgresql]:
    """A primary, as long as the context lasts; its data stays when it is durable."""
    server = Postgresql(folder, port=port, durable=durable)
    server.initialise()
    with _running(server):
        yield server


@contextmanager
def open_copy(other: Postgresql, folder: Path) -> Iterator[Postgresql]:
    """A primary that begins with the data of a server that does not run."""
    server = Postgresql(folder)
    server.copy(other)
    with _running(server):
        yield server


@contextmanager
def open_standby(primary: Postgresql, folder: Path) -> Iterator[Postgresql]:
    """A copy of a primary that streams from it and answers reads."""
    server = Postgresql(folder)
    server.follow(primary)
    with _running(server):
        yield server


@contextmanager
def _running(server: Postgresql) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()
        if not server.durable:
            shutil.rmtree(server.folder)


def database_settings(server: Postgresql, credentials: Path, name: str) -> dict[str, str]:
    """The variables that lead the service to one of a server's databases."""
    admin = credentials / "database-admin/credentials.json"
    admin.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    admin.touch(mode=0o600)
    admin.write_text(json.dumps(server.superuser._asdict()))
    return {
        "APP_ENVIRONMENT": "local",
        "APP_DATABASE_HOST": server.host,
        "APP_DATABASE_PORT": str(server.port),
        "APP_DATABASE_NAME": name,
        "APP_DATABASE_TLS": "disable",
        "APP_DATABASE_SECRETS": credentials.as_uri(),
        "APP_DATABASE_CREDENTIALS_FILE": str(credentials / "database/credentials.json"),
        "APP_DATABASE_ADMIN_CREDENTIALS_FILE": str(admin),
    }
