"""The connections to one server: one pool, for SQLAlchemy and for asyncpg alike.

Idle connections are not tested at every use, as `pool_pre_ping` would. That is a round trip before
each statement, for little: a server that ends or crashes closes its connections, which asyncpg
knows without asking; one that falls silent is noticed by its watch, and a connection that somebody
on the way forgot has been idle for long, so those are the ones to test.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import NoReturn, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool
from sqlalchemy.util import await_, greenlet_spawn

from ..settings import Settings
from .connect import SESSION_SECONDS, Connection, connect, statement_cache_size
from .credentials import CredentialsSource
from .errors import Unavailable, breaks_session, forget_rows, is_ours, reason_of
from .metrics import POOL_CONNECTIONS, POOL_WAIT
from .position import Position
from .servers import Server
from .state import REPLAYED, ServerState
from .statements import time_statements

T = TypeVar("T")

IDLE_SECONDS = 60.0
"""Then a connection is tested. Firewalls and balancers forget one after 4 minutes or more."""

TEST_SECONDS = 1.0


class Pool:
    """At most `database_pool_size` connections, opened when they are needed."""

    def __init__(
        self,
        settings: Settings,
        credentials: CredentialsSource,
        server: Server,
        state: ServerState,
    ) -> None:
        self.server = server
        self.state = state
        self._settings = settings
        self._credentials = credentials
        self._wait = POOL_WAIT.labels(server.name)
        self.engine = self._open_engine()
        self._queue = pool = cast("QueuePool", self.engine.sync_engine.pool)
        event.listen(pool, "connect", self._on_connect)
        event.listen(pool, "checkout", self._on_checkout)
        event.listen(pool, "checkin", self._on_checkin)
        self._publish(pool)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """A bare asyncpg connection. Raises Unavailable."""
        connection = await self._checkout(self.engine.raw_connection)
        driver = cast("Connection", connection.driver_connection)
        try:
            yield driver
        except BaseException as error:  # noqa: BLE001 _raise raises it
            if breaks_session(error):
                if self._gave_up(error):
                    driver.terminate()  # No good-bye: it would let us wait for its own.
                await greenlet_spawn(connection.invalidate)
            self._raise(error)
        finally:
            connection.close()

    @asynccontextmanager
    async def connection(self, statement: str) -> AsyncIterator[AsyncConnection]:
        """A connection of SQLAlchemy, whose statements go by this name. Raises Unavailable."""
        connection = self.engine.connect()
        await self._checkout(connection.start)
        try:
            yield await connection.execution_options(statement_name=statement)
        except BaseException as error:  # noqa: BLE001 _raise raises it
            if breaks_session(error):
                await connection.invalidate()
            self._raise(error)
        finally:
            # The task may be cancelled once more, and the connection has to go back.
            await asyncio.shield(connection.close())

    async def _checkout(self, take: Callable[[], Awaitable[T]]) -> T:
        if self.state.up is False:
            raise Unavailable("connection", f"{self.server.name} does not answer")
        began = perf_counter()
        try:
            return await take()
        except InvalidRequestError as error:  # Two new connections in a row were lost at once.
            raise Unavailable("connection", str(error)) from error
        except Exception as error:  # noqa: BLE001 _raise raises it
            self._raise(error, opening=True)
        finally:
            self._wait.observe(perf_counter() - began)

    def _raise(self, error: BaseException, *, opening: bool = False) -> NoReturn:
        """Raise what the caller gets; take note when it says that the server is away.

        The end of one session says nothing about the others. If the server has ended, all of them
        have, which the driver knows; and then no new one can be opened.
        """
        forget_rows(error)
        reason = reason_of(error)
        if reason is None or isinstance(error, Unavailable):
            raise error
        silent = reason == "timeout" and self._gave_up(error)
        if silent or reason == "read_only" or (opening and reason == "connection"):
            self.state.lost()
        detail = f"{self.server.name}: {error}"
        raise Unavailable(reason, detail, elsewhere=self._gave_up(error)) from error

    def _gave_up(self, error: BaseException) -> bool:
        """Whether this is a replica that is silent, or busy: another server may well answer."""
        return not self.server.primary and is_ours(error)

    @property
    def exhausted(self) -> bool:
        """Whether who wants a connection now has to wait."""
        return self._queue.checkedout() >= self._settings.database_pool_size

    async def renew(self) -> None:
        """Use each idle connection once, so that those that are too old give way to new ones."""
        for _ in range(self._queue.checkedin()):  # First in, first out: it takes all in turn.
            with suppress(Exception):  # Whoever needs the connection is told.
                async with self.lease():
                    pass

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    def _open_engine(self) -> AsyncEngine:
        settings = self._settings
        engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={
                "async_creator_fn": self._connect,
                "prepared_statement_cache_size": statement_cache_size(settings),
            },
            pool_size=settings.database_pool_size,
            max_overflow=0,  # The budget of connections knows no peaks.
            pool_timeout=settings.database_pool_wait_seconds,
            pool_recycle=SESSION_SECONDS,
            hide_parameters=True,
        )
        time_statements(engine, self.server.name, settings.database_slow_statement_seconds)
        return engine

    async def _connect(self, **_: object) -> Connection:
        connection = await connect(self._settings, self._credentials, self.server)
        if not self.server.primary:
            try:
                await self._refuse_one_that_stepped_back(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def _refuse_one_that_stepped_back(self, connection: Connection) -> None:
        replayed = await connection.fetchval(REPLAYED, timeout=TEST_SECONDS)
        if not self.state.shown(Position(replayed or 0)):
            raise Unavailable("connection", f"{self.server.name} has stepped back")

    def _on_connect(self, _: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["generation"] = self.state.generation
        record.info["idle_since"] = perf_counter()

    def _on_checkout(
        self, _: DBAPIConnection, record: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        driver = cast("Connection", record.driver_connection)
        if driver.is_closed() or record.info["generation"] != self.state.generation:
            driver.terminate()
            raise DisconnectionError
        if perf_counter() - record.info["idle_since"] > IDLE_SECONDS:
            try:
                await_(asyncio.wait_for(driver.execute("SELECT 1"), TEST_SECONDS))
            except Exception as error:  # Whatever it is, another connection may be well.
                driver.terminate()
                raise DisconnectionError from error

    def _on_checkin(self, _: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = perf_counter()

    def _publish(self, pool: QueuePool) -> None:
        name = self.server.name
        POOL_CONNECTIONS.labels(name, "in_use").set_function(pool.checkedout)
        POOL_CONNECTIONS.labels(name, "idle").set_function(pool.checkedin)
