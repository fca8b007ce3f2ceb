"""PostgreSQL's own programs: of the server's major version, with the login of the job."""

import asyncio
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir, mkdtemp
from typing import NoReturn

from ..database.credentials import Credentials
from ..database_admin.session import JobError
from ..settings import Settings

SHOWN = 2000
"""Characters of what a program says; the first error is at the end."""


async def run_program(
    settings: Settings, login: Credentials, program: str, *arguments: str, database: str
) -> None:
    """Run one of them. Raises JobError with what it said."""
    with TemporaryDirectory() as folder:
        environment = _environment(settings, login, database, Path(folder))
        process = await asyncio.create_subprocess_exec(
            _path(settings, program),
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:  # The job is being stopped.
                process.kill()
                await process.wait()
    if process.returncode != 0:
        text = said.decode(errors="replace").strip()[-SHOWN:]
        raise JobError(f"{program} ended with {process.returncode}: {text}")


def become_psql(settings: Settings, login: Credentials, database: str) -> NoReturn:
    """This process is psql from here on. The file with the password goes with the pod."""
    environment = _environment(settings, login, database, Path(mkdtemp()))
    environment |= {
        "PGAPPNAME": f"{settings.otel_service_name}/person",
        "PSQL_HISTORY": os.devnull,
        "HOME": gettempdir(),
        "TERM": os.environ.get("TERM", "dumb"),
    }
    os.execve(_path(settings, "psql"), ["psql", "--no-psqlrc"], environment)  # noqa: S606 no shell


def _path(settings: Settings, program: str) -> str:
    found = shutil.which(program, path=settings.backup_programs or None)
    if found is None:
        raise JobError(f"{program} is not there: APP_BACKUP_PROGRAMS names its folder")
    return found


def _environment(
    settings: Settings, login: Credentials, database: str, folder: Path
) -> dict[str, str]:
    """Of libpq. The password is in a file: environments get into reports of crashes."""
    password = folder / "password"
    password.touch(mode=0o600)
    fields = "*:*:*:*", login.password.replace("\\", "\\\\").replace(":", "\\:")
    password.write_text(":".join(fields) + "\n")
    environment = {
        "PATH": os.defpath,
        "PGHOST": settings.database_host,
        "PGPORT": str(settings.database_port),
        "PGDATABASE": database,
        "PGUSER": login.username,
        "PGPASSFILE": str(password),
        "PGAPPNAME": f"{settings.otel_service_name}/backup",
        "PGCONNECT_TIMEOUT": "10",
        # As for the job's own session: what nobody waits for any more ends.
        "PGOPTIONS": "-c client_connection_check_interval=10s",
        "PGSSLMODE": settings.database_tls,
        "LC_ALL": "C.UTF-8",
    }
    if settings.database_tls != "disable":
        environment["PGSSLROOTCERT"] = settings.database_ca_file or "system"
    if settings.backup_programs:
        # The image has the libraries of these programs beside them, apart from those of Python.
        environment["LD_LIBRARY_PATH"] = str(Path(settings.backup_programs).parent / "lib")
    return environment
