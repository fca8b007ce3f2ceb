"""The service's database in a local PostgreSQL: roles and schema by the service's own commands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .postgresql import database_settings, open_postgresql
from .processes import EngineError

PACKAGE = "ledgers"


@contextmanager
def open_database(folder: Path) -> Iterator[dict[str, str]]:
    """A server with the service's database; its data is kept from run to run.

    Args:
        folder: For data and credentials.

    Yields:
        The settings of the service.
    """
    with open_postgresql(folder / "postgresql", durable=True) as server:
        print(f"PostgreSQL: {server.host}:{server.port}, data in {server.folder}", file=sys.stderr)
        settings = database_settings(server, folder / "credentials", PACKAGE)
        migrate(settings)
        yield settings


def migrate(settings: dict[str, str]) -> None:
    """Roles first, then the schema, as the migration Job does it before a rollout.

    Raises:
        EngineError: when a command fails; it has said why.
    """
    for command in (["database-roles"], ["migrate", "up"]):
        done = subprocess.run(
            [sys.executable, "-m", PACKAGE, *command], env=os.environ | settings, check=False
        )
        if done.returncode != 0:
            raise EngineError(f"python -m {PACKAGE} {' '.join(command)} failed")
