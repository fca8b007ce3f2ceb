"""Commands of the database. What they need is imported when one runs, not when pods start."""

import argparse
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    # What argparse returns from add_subparsers; generic in type stubs alone.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 no public name


def add_commands(commands: "Commands") -> None:
    """Add `migrate`, `database-roles` and `rotate-credentials` to the command line."""
    commands.add_parser(
        "database-roles", help="make or update roles, grants and logins"
    ).set_defaults(run=_roles)
    commands.add_parser(
        "rotate-credentials", help="give every login of the database a new password"
    ).set_defaults(run=_rotate)
    migrate = commands.add_parser("migrate", help="change the schema of the database")
    actions = migrate.add_subparsers(title="actions", required=True)
    up = actions.add_parser("up", help="run what has not run yet")
    up.add_argument("revision", nargs="?", default="heads", help="the last one to run")
    up.add_argument(
        "--within", type=int, metavar="SECONDS", help="what the job has; four hours if not said"
    )
    up.set_defaults(run=_up)
    down = actions.add_parser("down", help="take migrations back")
    down.add_argument("revision", help="what is left: a revision, base, or -1 for one back")
    down.set_defaults(run=_down)
    actions.add_parser(
        "check", help="fail when the migrations do not make what the code declares"
    ).set_defaults(run=_check)
    actions.add_parser("history", help="list migrations, a star at what has run").set_defaults(
        run=_history
    )
    new = actions.add_parser("new", help="draft a migration from the models (in a checkout)")
    new.add_argument("message", help='such as "add price of items"')
    new.set_defaults(run=_new)
    lint = actions.add_parser("lint", help="find what would lock or break the running service")
    lint.set_defaults(run=_lint)


def _roles(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin import commands

    return commands.run_job(settings, commands.database_roles)


def _rotate(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin import commands

    return commands.run_job(settings, commands.rotate_credentials)


def _up(settings: Settings, chosen: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .migrations.operations import PATIENCE_SECONDS
    from .migrations.run import up

    seconds = chosen.within or PATIENCE_SECONDS
    return run_job(settings, lambda given: up(given, chosen.revision, seconds))


def _down(settings: Settings, chosen: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .migrations.run import down

    return run_job(settings, lambda given: down(given, chosen.revision))


def _check(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .migrations.commands import check

    return run_job(settings, check)


def _history(settings: Settings, _: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .migrations.commands import history

    return run_job(settings, history)


def _new(settings: Settings, chosen: argparse.Namespace) -> int:
    from .database_admin.commands import run_job
    from .migrations.commands import new

    return run_job(settings, lambda given: new(given, chosen.message))


def _lint(_: Settings, _chosen: argparse.Namespace) -> int:
    from .migrations.lint import main

    return main()
