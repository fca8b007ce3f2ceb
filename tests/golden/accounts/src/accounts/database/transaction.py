"""The unit of work: everything in it happens, or nothing does."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from .errors import OutcomeUnknown, Unavailable, breaks_session, reason_of
from .pool import Pool
from .position import PRIMARY_ONLY, Position
from .state import WRITTEN
from .statements import observe

if TYPE_CHECKING:
    from .connect import Connection

_log = logging.getLogger(__name__)


class Transaction:
    """What the block of `Database.write` works with."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.commits = False
        """Whether the commit has begun: from then on the work may have been done."""
        self.position: Position = PRIMARY_ONLY
        """Where the commit is in the log, once the block has been left."""


@asynccontextmanager
async def transaction(pool: Pool, name: str, slow: float) -> AsyncIterator[Transaction]:
    """A transaction on the primary; leaving the block commits it. Raises Unavailable."""
    async with pool.connection(name) as connection:
        async with AsyncSession(connection, expire_on_commit=False) as session:
            tx = Transaction(session)
            yield tx
            await session.flush()
            await _refuse_closed(connection)
            tx.commits = True
            began = perf_counter()
            await _commit(session)
            # A name of its own: with synchronous standbys this is where the time goes.
            observe("commit", pool.server.name, perf_counter() - began, slow)
        tx.position = await _position(connection)


async def _refuse_closed(connection: AsyncConnection) -> None:
    """A session that has ended before the commit was sent has done nothing, and that is known."""
    if (await _driver(connection)).is_closed():
        raise Unavailable("connection", "the session ended before the commit")


async def _commit(session: AsyncSession) -> None:
    try:
        await session.commit()
    except Exception as error:
        if reason_of(error) in ("connection", "timeout"):
            raise OutcomeUnknown(str(error)) from error
        raise


async def _position(connection: AsyncConnection) -> Position:
    """Where the log ends now, which is behind our commit. It never fails: the write is done."""
    try:
        return Position(await (await _driver(connection)).fetchval(WRITTEN))
    except Exception as error:  # noqa: BLE001 whatever it is
        _log.warning("position of a commit unknown", exc_info=error)
        if breaks_session(error):
            await connection.invalidate()
        return PRIMARY_ONLY


async def _driver(connection: AsyncConnection) -> "Connection":
    return cast("Connection", (await connection.get_raw_connection()).driver_connection)
