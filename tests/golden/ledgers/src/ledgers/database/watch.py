"""Watches one server over a connection of its own: is it there, and how far has it come?

The connection is beside the pool, so the watch sees an exhausted pool as what it is, a server that
is fine. It counts in the budget of connections: pool size + 1 for each server.
"""

import asyncio
import logging
from contextlib import suppress
from math import inf, nan
from time import monotonic

from ..settings import Settings
from .connect import SESSION_SECONDS, Connection, connect
from .credentials import CredentialsSource
from .errors import reason_of
from .limits import check_limits
from .metrics import REPLICA_LAG, REPLICA_USABLE
from .position import Position
from .servers import Server
from .state import REPLAYED, WRITTEN, PrimaryLog, ServerState

INTERVAL_SECONDS = 0.5
"""How soon a change is noticed. Two short queries a second for each pod and server are nothing."""

ANSWER_SECONDS = 2.0
"""A busy server answers this query within milliseconds; it reads no table."""

AWAY_SECONDS = 15.0
"""What a server that is away gets instead. Nobody waits for it, and a process that refuses many
requests may be too busy to log in sooner: it would never find out that the server is back."""

FAILURES = 2
"""In a row, until a server counts as away: a single connection may break for its own reasons."""

_log = logging.getLogger(__name__)


class Watch:
    """Keeps the state of one server up to date, from start to stop."""

    def __init__(
        self,
        settings: Settings,
        credentials: CredentialsSource,
        server: Server,
        state: ServerState,
        log: PrimaryLog,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._server = server
        self._state = state
        self._log_of_primary = log
        self._connection: Connection | None = None
        self._renewed: Connection | None = None
        self._failures = 0
        self._answered = asyncio.Event()
        self.name = server.name
        self.trouble: str | None = None
        """Why it failed last; None when it has not since the server answered."""

    async def run(self) -> None:
        """Until cancelled."""
        renewing = asyncio.create_task(self._renew(), name="database watch renewal")
        try:
            while True:
                await self._look()
                await asyncio.sleep(INTERVAL_SECONDS)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            self._disconnect()
            if self._renewed is not None:
                self._renewed.terminate()

    async def first_answer(self) -> None:
        """Returns when the state is known, good or bad."""
        await self._answered.wait()

    async def _look(self) -> None:
        try:
            if self._renewed is not None:
                self._disconnect()
                self._connection, self._renewed = self._renewed, None
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            async with asyncio.timeout(self._patience):
                position = await self._position(self._connection)
        except Exception as error:  # noqa: BLE001 whatever it is: the watch goes on
            self._failed(error)
        else:
            self._succeeded(position)

    async def _position(self, connection: Connection) -> Position | None:
        lsn = await connection.fetchval(WRITTEN if self._server.primary else REPLAYED)
        return None if lsn is None else Position(lsn)

    async def _connect(self) -> Connection:
        patience = AWAY_SECONDS if self._state.up is False else None
        connection = await connect(
            self._settings, self._credentials, self._server, "watch", patience
        )
        try:
            async with asyncio.timeout(self._patience):
                await check_limits(connection, self._settings, self._server.name)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _renew(self) -> None:
        """Another connection now and then, or this one would keep its login for ever.

        The next look uses it. Until then the old one is there, for who hands out logins may be
        away, which does not say that the server is. So for a moment there is one more.
        """
        while True:
            await asyncio.sleep(SESSION_SECONDS)
            try:
                self._renewed = await self._connect()
            except Exception as error:  # noqa: BLE001 whatever it is, the old one goes on
                details = {"target": self._server.name, "fault": str(error)}
                _log.warning("watch could not log in anew", extra=details)

    def _succeeded(self, position: Position | None) -> None:
        if self._state.up is False:
            _log.info("database server is back", extra={"target": self._server.name})
        self._failures, self._state.up, self.trouble = 0, True, None
        self._answered.set()
        if self._server.primary and position is not None:
            self._log_of_primary.record(monotonic(), position)
        elif not self._server.primary:
            self._follow(position)

    def _follow(self, position: Position | None) -> None:
        # None: the server replays nothing, so it is no replica of anything.
        state, log = self._state, self._log_of_primary
        state.position = position
        at_least = log.lag_of(position) if position else nan
        known = position is not None and log.knows(position)
        state.lag_seconds = at_least if known else inf
        REPLICA_LAG.labels(self._server.name).set(at_least)
        REPLICA_USABLE.labels(self._server.name).set(state.lag_seconds <= self._limit)

    @property
    def _patience(self) -> float:
        return AWAY_SECONDS if self._state.up is False else ANSWER_SECONDS

    @property
    def _limit(self) -> float:
        return self._settings.database_max_replica_lag_seconds

    def _failed(self, error: Exception) -> None:
        self._disconnect()
        self._state.position = None
        if not self._server.primary:
            REPLICA_USABLE.labels(self._server.name).set(0)
            # The last one known would stay for as long as the server is away.
            REPLICA_LAG.labels(self._server.name).set(nan)
        self.trouble = reason = reason_of(error) or type(error).__name__
        if reason in ("credentials", "resources"):
            # No new connections, but those in the pools may work.
            _log.error("database refuses us", extra={"target": self._server.name, "reason": reason})
            self._answered.set()
            return
        self._failures += 1
        if self._failures == FAILURES:
            self._state.up = False
            self._state.lost()
            self._answered.set()
            details = {"target": self._server.name, "reason": reason}
            _log.error("database server is away", extra=details, exc_info=error)

    def _disconnect(self) -> None:
        with suppress(Exception):
            if self._connection is not None:
                self._connection.terminate()
        self._connection = None
