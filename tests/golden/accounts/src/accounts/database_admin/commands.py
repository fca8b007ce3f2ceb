"""`database-roles` and `rotate-credentials`."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

import asyncpg

from ..database.errors import Unavailable
from ..settings import Settings
from ..startup import start_logging
from .logins import hand_out, rotate
from .names import MAINTENANCE_DATABASE
from .roles import grant, make_database, make_roles
from .secret_store import open_secret_store
from .session import JobError, only_one, open_admin_session

SIGTERM_CODE = 128 + signal.SIGTERM
"""What shells say of a program that was told to stop."""

_log = logging.getLogger(__name__)


def run_job(settings: Settings, job: Callable[[Settings], Awaitable[None]]) -> int:
    """Exit code 0: done. Others: not done, run it again; every job takes up where it was left."""
    start_logging(settings)
    stopped = False

    async def run() -> None:
        working = asyncio.ensure_future(job(settings))

        def stop() -> None:
            nonlocal stopped
            stopped = True
            working.cancel()

        # The first process of a container is not ended by SIGTERM, it has to end by itself; and
        # what a job has made for itself goes before it.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        try:
            await working
        except (asyncio.CancelledError, Exception) as error:
            if not stopped:
                raise
            # Whatever it has become on its way through libraries.
            _log.warning("stopped before it was done: %s", type(error).__name__)

    try:
        asyncio.run(run())
    except JobError as error:
        _log.error("%s", error)
        return 1
    except (asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable, OSError):
        _log.exception("the database refused")
        return 1
    return SIGTERM_CODE if stopped else 0


async def database_roles(settings: Settings) -> None:
    """Roles, database, grants, logins."""
    store = open_secret_store(settings)
    try:
        async with (
            open_admin_session(settings, "roles", database=MAINTENANCE_DATABASE) as session,
            only_one(session, "roles"),
        ):
            await make_roles(session, settings)
            await make_database(session, settings)
            async with open_admin_session(settings, "roles") as inside:
                await grant(inside, settings)
            await hand_out(session, settings, store)
    finally:
        await store.close()
    _log.info("roles are up to date")


async def rotate_credentials(settings: Settings) -> None:
    """New passwords. The same lock as for roles: both hand out logins."""
    store = open_secret_store(settings)
    try:
        async with (
            open_admin_session(settings, "rotation", database=MAINTENANCE_DATABASE) as session,
            only_one(session, "roles"),
        ):
            await rotate(session, settings, store)
    finally:
        await store.close()
