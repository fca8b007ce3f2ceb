"""Commands for backups. What they need is imported when one runs, not when pods start."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from .database_commands import Commands


def add_commands(commands: "Commands") -> None:
    """Add `backup`, `restore`, `restore-drill`, `backups` and `psql` to the command line."""
    commands.add_parser("backup", help="dump the database to where backups are kept").set_defaults(
        run=_backup
    )
    restore = commands.add_parser("restore", help="bring a backup back into an empty database")
    restore.add_argument("name", nargs="?", default="", help="which one; the newest without")
    restore.set_defaults(run=_restore)
    commands.add_parser(
        "restore-drill", help="restore the newest backup into a scratch database and compare"
    ).set_defaults(run=_drill)
    commands.add_parser("backups", help="list the backups there are").set_defaults(run=_list)
    psql = commands.add_parser("psql", help="a session of the administrator, for a person")
    psql.add_argument("database", nargs="?", default="", help="another one than the service's")
    psql.set_defaults(run=_psql)


def _backup(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .database_backup.backup import backup

    return run_job(settings, backup)


def _restore(settings: Settings, chosen: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .database_backup.restore import restore

    return run_job(settings, lambda given: restore(given, chosen.name))


def _drill(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .database_backup.drill import restore_drill

    return run_job(settings, restore_drill)


def _list(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .database_backup.backup import show

    return run_job(settings, show)


def _psql(settings: Settings, chosen: argparse.Namespace) -> int:
    from .database_backup.person import administrators_login
    from .database_backup.programs import become_psql

    login = asyncio.run(administrators_login(settings))
    become_psql(settings, login, chosen.database or settings.database_name)
