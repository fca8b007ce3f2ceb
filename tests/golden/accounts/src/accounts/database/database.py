"""The database as the service sees it: reads and writes, and nothing about servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from time import perf_counter
from typing import Self, TypeVar

import asyncpg

from ..settings import Settings
from .connect import Connection
from .credentials import open_credentials
from .errors import Unavailable
from .metrics import UNAVAILABLE
from .pool import Pool
from .position import ANYWHERE, Position
from .recent_writes import MemoryOfWrites, RecentWrites, remember_seconds
from .routing import Router
from .servers import Server, primary_of, replicas_of
from .state import PrimaryLog, ServerState
from .statements import Statement, observe
from .transaction import Transaction, transaction
from .watch import Watch

T = TypeVar("T")

RENEW_SECONDS = 300.0
"""Between two looks for idle connections that are too old. A login that was rotated has no session
any more when the oldest may be half an hour old, and this time has passed."""


class Database:
    """`async with` it: servers are watched and connections kept until the end of the block.

    Connections are opened when they are first needed, so it starts without a database and gets to
    work when there is one. Every method raises Unavailable when there is none.
    """

    def __init__(self, settings: Settings, recent_writes: RecentWrites | None = None) -> None:
        self._slow = settings.database_slow_statement_seconds
        self._credentials = open_credentials(settings)
        self._watches: list[Watch] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reached = False
        self._log = log = PrimaryLog()

        def open_pool(server: Server) -> Pool:
            state = ServerState()
            self._watches.append(Watch(settings, self._credentials, server, state, log))
            return Pool(settings, self._credentials, server, state)

        self._router = Router(
            primary=open_pool(primary_of(settings)),
            replicas=tuple(open_pool(server) for server in replicas_of(settings)),
            max_lag_seconds=settings.database_max_replica_lag_seconds,
        )
        self.recent_writes = recent_writes or MemoryOfWrites(remember_seconds(settings))

    async def fetch(
        self, statement: Statement, *arguments: object, after: Position = ANYWHERE
    ) -> list[asyncpg.Record]:
        """All rows of a hot read."""
        return await self._read(statement, after, lambda c, _: c.fetch(statement.sql, *arguments))

    async def fetchrow(
        self, statement: Statement, *arguments: object, after: Position = ANYWHERE
    ) -> asyncpg.Record | None:
        """The first row of a hot read, or None."""
        row, _ = await self.fetchrow_dated(statement, *arguments, after=after)
        return row

    async def fetchrow_dated(
        self, statement: Statement, *arguments: object, after: Position = ANYWHERE
    ) -> tuple[asyncpg.Record | None, Position]:
        """The same for whoever keeps the row, with its date: it shows all writes before that."""
        date = ANYWHERE

        async def query(connection: Connection, pool: Pool) -> asyncpg.Record | None:
            nonlocal date
            date = self._date(pool)
            return await connection.fetchrow(statement.sql, *arguments)

        return await self._read(statement, after, query), date

    @asynccontextmanager
    async def read(self, name: str, after: Position = ANYWHERE) -> AsyncIterator[Connection]:
        """Several reads that see one state of the data. They are not tried again elsewhere."""
        with _counted():
            async with AsyncExitStack() as stack:
                pool, connection = await self._lease(stack, after)
                began = perf_counter()
                try:
                    async with connection.transaction(isolation="repeatable_read", readonly=True):
                        yield connection
                finally:
                    observe(name, pool.server.name, perf_counter() - began, self._slow)

    @asynccontextmanager
    async def write(self, name: str, caller: str | None = None) -> AsyncIterator[Transaction]:
        """A transaction on the primary; leaving the block commits it.

        The caller is remembered, so that its next reads see what it wrote.
        """
        tx: Transaction | None = None
        try:
            with _counted():
                async with transaction(self._router.primary, name, self._slow) as tx:
                    yield tx
        finally:
            # Also when nobody knows what became of it: who looks has to look at the primary.
            if caller is not None and tx is not None and tx.commits:
                await self.recent_writes.note(caller, tx.position)

    async def check(self) -> None:
        """Raises Unavailable until reads could be served for the first time; never after that.

        A process with a wrong address or login is found out before it gets requests. A server that
        goes away later is away for all processes: they tell their clients so, and serve what they
        have; without them nobody would.
        """
        if self._reached:
            return
        await asyncio.gather(*(watch.first_answer() for watch in self._watches))
        router = self._router
        if not (router.primary.state.up or any(router.usable(pool) for pool in router.replicas)):
            troubles = (f"{watch.name}: {watch.trouble or 'not usable'}" for watch in self._watches)
            raise Unavailable("connection", ", ".join(troubles))
        self._reached = True

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(watch.run(), name="database watch") for watch in self._watches
        ]
        self._tasks.append(asyncio.create_task(self._renew(), name="database pools"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in self._pools:
            await pool.close()
        await self._credentials.close()

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return (self._router.primary, *self._router.replicas)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for pool in self._pools:
                await pool.renew()

    def _date(self, pool: Pool) -> Position:
        """Every write whose position is smaller is shown by a query that begins now.

        A write's position is taken when it is visible. Where the log has been further since, it is
        shown; where the log ended at that very place, the commit may have been there and not yet
        visible. A replica shows what it has replayed.
        """
        if pool is self._router.primary:
            return self._log.newest
        shown = pool.state.position
        return ANYWHERE if shown is None else shown.next

    async def _read(
        self,
        statement: Statement,
        after: Position,
        query: Callable[[Connection, Pool], Awaitable[T]],
    ) -> T:
        """A read has no effect, so it may be tried again on another server."""
        failure = Unavailable("connection")
        for pool in self._router.route(after):
            if failure.reason == "pool_exhausted" and pool.exhausted:
                break  # It has enough to do without the readers of a replica that is away.
            try:
                async with pool.lease() as connection:
                    began = perf_counter()
                    try:
                        return await query(connection, pool)
                    finally:
                        seconds = perf_counter() - began
                        observe(statement.name, pool.server.name, seconds, self._slow)
            except Unavailable as error:
                failure = error
                if not error.elsewhere:
                    break
        UNAVAILABLE.labels(failure.reason).inc()
        raise failure

    async def _lease(self, stack: AsyncExitStack, after: Position) -> tuple[Pool, Connection]:
        failure = Unavailable("connection")
        for pool in self._router.route(after):
            if failure.reason == "pool_exhausted" and pool.exhausted:
                break
            try:
                return pool, await stack.enter_async_context(pool.lease())
            except Unavailable as error:
                failure = error
                if not error.elsewhere:
                    break
        raise failure


def open_database(settings: Settings, recent_writes: RecentWrites | None = None) -> Database:
    """The database that the settings name; it neither waits nor fails."""
    return Database(settings, recent_writes)


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        UNAVAILABLE.labels(error.reason).inc()
        raise
