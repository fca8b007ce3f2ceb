"""What Alembic is told: where migrations are, which tables there should be, how they are run."""

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from alembic import context
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from .. import tables
from ..database.models import Base
from .operations import with_timeouts

FOLDER = Path(__file__).parent
VERSIONS = FOLDER / "versions"
VERSION_TABLE = "alembic_version"

# They list at level INFO what they are made of, and what `check` says better.
for _name in ("alembic.runtime.plugins", "alembic.autogenerate"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def metadata() -> MetaData:
    """All tables that the code knows."""
    # Importing them is what puts them there.
    return Base.metadata if tables.__all__ else MetaData()


def online(connection: Connection) -> Config:
    """Commands on this connection. Each migration is a transaction of its own."""

    def run() -> None:
        # Who has looked at the database before is within a transaction, and Alembic would run all
        # migrations in that one.
        connection.rollback()
        context.configure(
            connection=connection,
            target_metadata=metadata(),
            transaction_per_migration=True,
            compare_server_default=True,
            version_table=VERSION_TABLE,
        )
        with context.begin_transaction():
            context.run_migrations()

    return _config(run)


def offline(versions: Path = VERSIONS, buffer: TextIO | None = None) -> Config:
    """Commands that only write down their SQL."""

    def run() -> None:
        context.configure(
            dialect_name="postgresql",
            target_metadata=metadata(),
            literal_binds=True,
            transaction_per_migration=True,
            output_buffer=buffer,
            version_table=VERSION_TABLE,
        )
        with context.begin_transaction():
            context.run_migrations()

    return _config(run, versions)


def migrate(config: Config, target: str, *, down: bool = False, as_sql: bool = False) -> None:
    """Run the migrations up or down to a revision, each with its timeouts."""
    scripts = ScriptDirectory.from_config(config)

    def steps(revision: Any, _: MigrationContext) -> Iterable[RevisionStep]:  # noqa: ANN401 Alembic's own
        # Alembic's commands find the steps in the same way.
        find = scripts._downgrade_revs if down else scripts._upgrade_revs  # noqa: SLF001 no other
        for step in find(target, revision):
            step.migration_fn = with_timeouts(step.migration_fn, step.revision.module)
            yield step

    with EnvironmentContext(
        config,
        scripts,
        fn=steps,
        as_sql=as_sql,
        starting_rev=("heads" if down else "base") if as_sql else None,
        destination_rev=target,
    ):
        scripts.run_env()


def current(config: Config) -> tuple[str, ...]:
    """Where the database is; nothing before the first migration."""
    found: tuple[str, ...] = ()

    def look(revision: Any, _: MigrationContext) -> Iterable[RevisionStep]:  # noqa: ANN401 Alembic's own
        nonlocal found
        found = revision
        return ()

    scripts = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, scripts, fn=look, dont_mutate=True):
        scripts.run_env()
    return found


def unknown(config: Config) -> tuple[str, ...]:
    """Migrations that have run on the database and that this version does not have."""
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return tuple(revision for revision in current(config) if revision not in known)


def is_newer(config: Config, revisions: tuple[str, ...]) -> bool:
    """Whether migrations that this version does not have come after all that it has."""
    heads = ScriptDirectory.from_config(config).get_heads()
    newest = max((number_of(head) or 0 for head in heads), default=0)
    return all((number_of(revision) or 0) > newest for revision in revisions)


def number_of(revision: str) -> int | None:
    """Its place in the row: `0003_7f3a` is the third, and not the third one of another branch."""
    found = re.fullmatch(r"(\d{4,})(?:_[0-9a-f]+)?", revision)
    return int(found[1]) if found else None


def use(config: Config, versions: Path) -> None:
    """Migrations of another folder. A percent sign would begin an interpolation."""
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))


def _config(run: Callable[[], None], versions: Path = VERSIONS) -> Config:
    config = Config(attributes={"run": run})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    use(config, versions)
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
