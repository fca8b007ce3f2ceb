"""A real PostgreSQL for tests: one server for the session, a database of its own for each test."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from local.database import PACKAGE, migrate
from local.postgresql import Postgresql, database_settings, open_postgresql, open_standby

TEMPLATE = "template_of_tests"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ScratchDatabase:
    """A database that no other test uses. Its roles and their passwords are those of the server."""

    server: Postgresql
    name: str
    environment: dict[str, str]
    """What leads a process to it."""

    @property
    def settings(self) -> dict[str, Any]:
        """What leads `Settings(**…)` to it."""
        return {name.removeprefix("APP_").lower(): v for name, v in self.environment.items()}

    @property
    def credentials(self) -> Path:
        """The file with the service's login."""
        return Path(self.environment["APP_DATABASE_CREDENTIALS_FILE"])

    def query(self, statements: str) -> str:
        """What statements of the superuser give."""
        return self.server.query(statements, self.name)


@dataclass(frozen=True)
class Failover:
    """A primary and a standby that a test may kill, pause and promote."""

    primary: Postgresql
    standby: Postgresql
    database: ScratchDatabase


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """The server that all tests share: do not stop it, `failover` is for that."""
    with TemporaryDirectory() as folder, open_postgresql(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def database_credentials(postgresql: Postgresql, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the credentials, once roles and a migrated database to copy from are there."""
    credentials = tmp_path_factory.mktemp("credentials")
    migrate(database_settings(postgresql, credentials, TEMPLATE))
    return credentials


@pytest.fixture(scope="session", autouse=True)
def _known_database(
    _known_environment: None, postgresql: Postgresql, database_credentials: Path
) -> None:
    """Where `Settings()` leads, for tests that are not about data; they all share it."""
    os.environ.update(_create(postgresql, database_credentials, TEMPLATE).environment)


@pytest.fixture
def database(postgresql: Postgresql, database_credentials: Path) -> Iterator[ScratchDatabase]:
    """A migrated database of its own."""
    with _scratch(postgresql, database_credentials, TEMPLATE) as made:
        yield made


@pytest.fixture
def empty_database(postgresql: Postgresql, database_credentials: Path) -> Iterator[ScratchDatabase]:
    """A database of its own with nothing in it; the roles are there."""
    with _scratch(postgresql, database_credentials, "template0") as made:
        yield made


@contextmanager
def _scratch(server: Postgresql, credentials: Path, template: str) -> Iterator[ScratchDatabase]:
    made = _create(server, credentials, template)
    yield made
    server.query(f"DROP DATABASE {made.name} WITH (FORCE)")


def _create(server: Postgresql, credentials: Path, template: str) -> ScratchDatabase:
    name = f"test_{next(_numbers)}"
    server.query(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {PACKAGE}_owner")
    return ScratchDatabase(server, name, database_settings(server, credentials, name))


@pytest.fixture(scope="session")
def _standby(postgresql: Postgresql) -> Iterator[Postgresql]:
    with TemporaryDirectory() as folder, open_standby(postgresql, Path(folder)) as server:
        yield server


@pytest.fixture
def standby(database: ScratchDatabase, _standby: Postgresql) -> Iterator[Postgresql]:
    """A standby of `postgresql` that has what is in `database`."""
    _standby.catch_up_with(database.server)
    yield _standby
    _standby.resume_replay()


@pytest.fixture
def failover(postgresql: Postgresql, database_credentials: Path) -> Iterator[Failover]:
    """A pair of servers for one test."""
    with (
        TemporaryDirectory() as folder,
        TemporaryDirectory() as other,
        open_standby(postgresql, Path(folder)) as primary,
    ):
        primary.promote()
        made = _create(primary, database_credentials, TEMPLATE)
        with open_standby(primary, Path(other)) as standby:
            standby.catch_up_with(primary)
            yield Failover(primary, standby, made)
