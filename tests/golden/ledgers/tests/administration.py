"""A server whose administrator is no superuser, as those of clouds are, and what jobs do there."""

import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ledgers.database.connect import Connection
from ledgers.database.credentials import Credentials
from ledgers.database_admin.session import Login, open_session
from ledgers.settings import Settings
from local.postgresql import Postgresql, database_settings, open_copy

ADMINISTRATOR = Credentials("administrator", "of a test")


class Managed:
    """The server, and the settings of jobs on it."""

    def __init__(self, server: Postgresql, folder: Path) -> None:
        server.query(
            f"CREATE ROLE {ADMINISTRATOR.username} LOGIN CREATEROLE CREATEDB "
            f"PASSWORD '{ADMINISTRATOR.password}'"
        )
        self.server = server
        self.folder = folder
        name = "ledgers"
        self.environment = database_settings(server, folder, name)
        path = Path(self.environment["APP_DATABASE_ADMIN_CREDENTIALS_FILE"])
        login = {"username": ADMINISTRATOR.username, "password": ADMINISTRATOR.password}
        path.write_text(json.dumps(login))

    def settings(self, **others: object) -> Settings:
        """Settings of a job."""
        names = {name.removeprefix("APP_").lower(): v for name, v in self.environment.items()}
        return Settings.model_validate(names | others)

    def stored(self, name: str = "database") -> Credentials:
        """A login, as it is handed out."""
        return Credentials(**json.loads((self.folder / name / "credentials.json").read_text()))

    def session(self, login: Credentials) -> AbstractAsyncContextManager[Connection]:
        """A session of somebody in the service's database."""
        return open_session(self.settings(), Login(login), "test")


@pytest.fixture(scope="session")
def _new_server() -> Iterator[Postgresql]:
    """What others begin as; it never runs."""
    with TemporaryDirectory() as folder:
        server = Postgresql(Path(folder))
        server.initialise()
        yield server


@pytest.fixture
def managed(_new_server: Postgresql, tmp_path: Path) -> Iterator[Managed]:
    """A server of its own, without roles and without a database."""
    with TemporaryDirectory() as folder, open_copy(_new_server, Path(folder)) as server:
        yield Managed(server, tmp_path / "credentials")
