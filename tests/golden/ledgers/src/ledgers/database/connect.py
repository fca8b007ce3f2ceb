"""Opens one connection: address, TLS, login and what a session needs from the start."""

import asyncio
import functools
import ssl
from typing import Literal, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from ..settings import Settings
from .credentials import CredentialsSource
from .errors import Unavailable
from .servers import Server

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 3.0
"""Address, TCP, TLS and login take 10 to 50 ms within a region; this allows for a lost packet."""

REPLICA_CONNECT_SECONDS = 1.0
"""There is another server to ask, so nobody waits here for a packet to be sent again."""

SESSION_SECONDS = 1800.0
"""Sessions grow with what they have planned and seen, and belong to the login of their beginning;
half an hour bounds both at no cost."""

MARGIN_SECONDS = 1.0
"""The server ends a slow statement by itself; a little later we do, for then it is silent."""

STATEMENT_CACHE = 100
"""Prepared statements a connection keeps; they save a round trip and the planning of each query."""


async def connect(
    settings: Settings,
    credentials: CredentialsSource,
    server: Server,
    component: str = "api",
    patience: float | None = None,
) -> Connection:
    """A connection to one server. One to the primary is refused when the server is a standby.

    A primary becomes a standby only by a restart, which closes its connections; so to look when
    connecting is enough, and PostgreSQL tells it without being asked.
    """
    if patience is None:
        patience = CONNECT_SECONDS if server.primary else REPLICA_CONNECT_SECONDS
    try:
        async with asyncio.timeout(patience):
            login = await credentials.current(server)
    except TimeoutError:
        raise Unavailable("credentials", f"no login within {patience:g} s") from None
    async with asyncio.timeout(patience):
        connection: Connection = await asyncpg.connect(
            host=server.host,
            port=server.port,
            user=login.username,
            password=login.password,
            database=settings.database_name,
            ssl=_tls(settings.database_tls, settings.database_ca_file),
            command_timeout=settings.database_statement_timeout_seconds + MARGIN_SECONDS,
            statement_cache_size=statement_cache_size(settings),
            server_settings={"application_name": f"{settings.otel_service_name}/{component}"},
            target_session_attrs=SessionAttribute("primary" if server.primary else "any"),
        )
        if not settings.database_pooler:
            await _refuse_pooler(connection, server)
    return connection


async def _refuse_pooler(connection: Connection, server: Server) -> None:
    """Nobody may stand between when the settings say that nobody does. Raises Unavailable.

    A statement that is prepared in one session and run in another fails; or it is another one that
    has the same name there, and its answer is wrong. A server names its session to us as it names
    it to itself, and a pooler makes up a name of its own.
    """
    # Nothing that has to be prepared, and an error for an answer that is not "yes".
    same = f"SELECT 1 / (pg_backend_pid() = {connection.get_server_pid()})::int"
    try:
        await connection.execute(same)
    except asyncpg.DivisionByZeroError:
        connection.terminate()
        detail = f"one answers for {server.host}:{server.port}, and APP_DATABASE_POOLER is false"
        raise Unavailable("pooler", detail) from None
    except BaseException:
        connection.terminate()
        raise


def statement_cache_size(settings: Settings) -> int:
    """How many prepared statements a connection keeps: none behind a pooler.

    There the next transaction may run in another session, which knows none of them. asyncpg then
    uses the unnamed statement and sends it together with its execution, in one transaction.
    """
    return 0 if settings.database_pooler else STATEMENT_CACHE


@functools.cache
def _tls(mode: str, ca_file: str) -> ssl.SSLContext | Literal[False]:
    """verify-full: a certificate of this authority, for the name that we asked for."""
    if mode == "disable":
        return False
    return ssl.create_default_context(cafile=ca_file or None)
