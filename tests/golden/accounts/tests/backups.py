"""A service with data and backups, on a server whose administrator is no superuser."""

from pathlib import Path

import pytest

from accounts.database_admin.commands import database_roles
from accounts.migrations.run import up
from accounts.settings import Settings
from local.postgresql_files import program
from tests.administration import Managed

FILL = """
CREATE TABLE oddities (
    id bigint PRIMARY KEY, at timestamptz, many text[], bytes bytea, real float8);
INSERT INTO oddities SELECT n, now() - n * interval '1 hour', ARRAY['ä', NULL, n::text],
    sha256(n::text::bytea), n / 3.0 FROM generate_series(1, 500) n;
INSERT INTO oddities VALUES (0, NULL, NULL, NULL, 'NaN'), (-1, 'infinity', '{}', '', '-0');
"""


class Service:
    """A service with data, backups in a folder, and the settings of its jobs."""

    def __init__(self, managed: Managed, target: Path) -> None:
        self.managed = managed
        self.target = target

    @property
    def settings(self) -> Settings:
        """Of jobs."""
        return self.managed.settings(
            backup_target=self.target.as_uri(),
            backup_programs=str(program("pg_dump").parent),
            backup_interval_hours=1,
        )

    def query(self, statements: str) -> str:
        """What statements of the superuser give, in the service's database."""
        return self.managed.server.query(statements, self.settings.database_name)

    def query_as_owner(self, statements: str) -> None:
        """What a migration would do."""
        self.query(f"SET ROLE accounts_owner; {statements}")

    def start_anew(self) -> None:
        """The database is gone."""
        self.managed.server.query(f"DROP DATABASE {self.settings.database_name} WITH (FORCE)")

    def files(self, name: str) -> list[Path]:
        """Files of backups with this name, the oldest first."""
        return sorted(self.target.rglob(name))


@pytest.fixture
async def service(managed: Managed, tmp_path: Path) -> Service:
    """See Service."""
    made = Service(managed, tmp_path / "backups")
    await database_roles(made.settings)
    await up(made.settings)
    made.query_as_owner(FILL)
    return made
