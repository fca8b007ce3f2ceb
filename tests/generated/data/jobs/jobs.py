"""The service's jobs as the cluster runs them: processes, which may be killed at any moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standardized_modules.engines.carried import carried
from tests.generated.data.servers import DATABASE, PATIENCE, Server, eventually


class Job:
    """A process that leads a group of its own, as the first one of a container does."""

    def __init__(self, command: list[str | Path], settings: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=log.parent,
                env={"PATH": os.environ["PATH"], **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(2 * PATIENCE)

    def kill(self) -> None:
        """It is gone, with all that it started: what happens to the pod of a node that dies."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def told(self, text: str) -> int:
        """How often it said so."""
        return self.log.read_text().count(text)


class Jobs:
    """A server of its own with the service's roles and schema, and jobs on it.

    Args:
        service: The service's folder, with a virtual environment.
        server: Has roles and schema.
        credentials: The folder of the secrets.
        folder: For logs, backups and copies of the code.
    """

    def __init__(self, service: Path, server: Server, credentials: Path, folder: Path) -> None:
        self.service, self.server, self.credentials, self.folder = service, server, credentials, folder
        self.backups = folder / "backups"
        self._code = service / "src"
        self._started: list[Job] = []

    @property
    def settings(self) -> dict[str, str]:
        """Of the service and of its jobs."""
        return {
            **carried("postgresql").database_settings(self.server, self.credentials, DATABASE),
            "APP_BACKUP_TARGET": self.backups.as_uri(),
            "APP_BACKUP_PROGRAMS": str(carried("postgresql_files").program("pg_dump").parent),
        }

    def add_migrations(self, **texts: str) -> None:
        """What the next release brings along: jobs that start from now on have these files, too."""
        code = self.folder / "next" / "src"
        if code != self._code:
            shutil.copytree(self._code, code)
            self._code = code
        for name, text in texts.items():
            (code / "orders/migrations/versions" / f"{name}.py").write_text(text)

    def start(self, *command: str) -> Job:
        """A job that runs meanwhile."""
        python = self.service / ".venv/bin/python"
        # What the environment has installed is the code of the service's folder.
        settings = {**self.settings, "PYTHONPATH": str(self._code)}
        job = Job([python, "-m", DATABASE, *command], settings, self.folder / f"job-{len(self._started)}.log")
        self._started.append(job)
        return job

    def run(self, *command: str) -> Job:
        """A job that has to end well."""
        job = self.start(*command)
        assert job.wait() == 0, job.log.read_text()
        return job

    def end(self) -> None:
        """Kill what still runs."""
        for job in self._started:
            if job.process.poll() is None:
                job.kill()

    def query(self, statements: str) -> str:
        """As the superuser, in the service's database."""
        return str(self.server.query(statements, DATABASE))

    def drop_database(self) -> None:
        """The disaster."""
        self.server.query(f"DROP DATABASE {DATABASE} WITH (FORCE)")

    def databases(self) -> list[str]:
        """All of the server."""
        return str(self.server.query("SELECT datname FROM pg_database")).split()

    def credential(self, name: str = "database") -> Any:
        """A login that has been handed out."""
        return json.loads((self.credentials / name / "credentials.json").read_text())

    def can_log_in(self, login: Any) -> bool:
        """Whether the server takes a user's password."""
        done = subprocess.run(
            [
                carried("postgresql_files").program("psql"),
                f"host={self.server.host} port={self.server.port} user={login['username']} dbname={DATABASE}",
                "--no-psqlrc",
                "--command=SELECT 1",
            ],
            env={"PGPASSWORD": login["password"], "PGCONNECT_TIMEOUT": "10"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or "password authentication failed" in done.stderr, done.stderr
        return done.returncode == 0

    @contextmanager
    def transaction(self, statement: str) -> Iterator[None]:
        """Somebody's that is not over: a session of the superuser that has run a statement and goes on."""
        superuser = self.server.superuser
        with subprocess.Popen(
            [
                carried("postgresql_files").program("psql"),
                f"{self.server.address} dbname={DATABASE} application_name=somebody",
                "--no-psqlrc",
                "--quiet",
            ],
            env={"PGPASSWORD": superuser.password},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as session:
            assert session.stdin
            session.stdin.write(f"BEGIN;\n{statement};\n")
            session.stdin.flush()
            idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'somebody' AND state LIKE 'idle in%'"
            eventually(lambda: self.query(idle) == "1", "the transaction does not begin")
            try:
                yield
            finally:
                session.stdin.close()


@contextmanager
def open_jobs(service: Path, source: Server, credentials: Path, folder: Path) -> Iterator[Jobs]:
    """A copy of a server and of its secrets."""
    copied = folder / "credentials"
    shutil.copytree(credentials, copied)
    with carried("postgresql").open_standby(source, folder / "server") as server:
        server.promote()
        jobs = Jobs(service, server, copied, folder)
        try:
            yield jobs
        finally:
            jobs.end()
