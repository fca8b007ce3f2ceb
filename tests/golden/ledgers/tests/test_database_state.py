"""The reckoning behind the routing: positions, lag, who wrote what, what errors mean."""

import asyncio

import asyncpg
import pytest
from hypothesis import given
from hypothesis.strategies import integers, text
from pydantic import ValidationError

from ledgers.database import (
    ANYWHERE,
    PRIMARY_ONLY,
    Position,
    errors,
)
from ledgers.database.errors import OutcomeUnknown, Unavailable
from ledgers.database.position import parse_token
from ledgers.database.recent_writes import MemoryOfWrites
from ledgers.database.servers import (
    Server,
    primary_of,
    replicas_of,
)
from ledgers.database.state import PrimaryLog, ServerState
from ledgers.settings import Settings


@given(integers(1, 2**64 - 2))
def test_tokens_come_back(lsn: int) -> None:
    """Every position is its token."""
    assert parse_token(Position(lsn).token) == Position(lsn)


@given(text())
def test_other_texts_are_no_tokens(token: str) -> None:
    """Or they are one, and then a position like any other."""
    try:
        position = parse_token(token)
    except ValueError:
        return
    assert ANYWHERE <= position <= PRIMARY_ONLY


def test_nothing_to_tell() -> None:
    """A position that nobody knows has no token."""
    assert (ANYWHERE.token, PRIMARY_ONLY.token) == ("", "")


def test_lag() -> None:
    """Seconds since the primary went on from where the replica is."""
    log = PrimaryLog()
    assert not log.knows(Position(2**63)), "the primary was never seen"
    for second, lsn in enumerate([100, 200, 200, 300]):
        log.record(float(second), Position(lsn))
    assert log.lag_of(Position(300)) == 0
    assert log.lag_of(Position(299)) == 0, "until now it was up to date"
    assert log.lag_of(Position(200)) == 0
    assert log.lag_of(Position(199)) == 2
    assert log.lag_of(Position(1)) == 3
    assert log.knows(Position(100))
    assert not log.knows(Position(99)), "it may have been left behind long before"
    log.record(60.0, Position(300))
    assert log.lag_of(Position(300)) == 0, "an idle primary leaves nobody behind"
    assert log.lag_of(Position(299)) == 57
    log.record(61.0, Position(250))
    assert log.knows(Position(250))
    assert not log.knows(Position(249)), "another history: what was before does not count"


def test_a_replica_that_stepped_back() -> None:
    """Nobody reads there until the watch knows more, and over none of the old connections."""
    state = ServerState(position=Position(100))
    assert state.shown(Position(200))
    assert state.shown(Position(100))
    assert (state.position, state.generation) == (Position(100), 0)
    assert not state.shown(Position(99))
    assert (state.position, state.generation) == (None, 1)
    assert not state.shown(Position(300)), "nobody knows what it has to show"


async def test_recent_writes() -> None:
    """The newest of each caller, for a while, and of not too many callers."""
    recent = MemoryOfWrites(seconds=0.2, callers=2)
    await recent.note("a", Position(2))
    await recent.note("a", Position(1))
    assert await recent.of("a") == Position(2)
    await recent.note("b", Position(3))
    await recent.note("c", Position(4))
    assert [await recent.of(caller) for caller in "abc"] == [ANYWHERE, Position(3), Position(4)]
    await asyncio.sleep(0.25)
    assert await recent.of("c") == ANYWHERE


def test_servers() -> None:
    """As the settings name them."""
    settings = Settings(
        database_host="one", database_port=6432, database_replica_hosts=" two, three:1 ,,"
    )
    assert primary_of(settings) == Server("primary", "one", 6432, primary=True)
    assert replicas_of(settings) == (
        Server("replica-1", "two", 6432),
        Server("replica-2", "three", 1),
    )
    assert replicas_of(Settings()) == ()


def test_settings_that_are_refused() -> None:
    """No plain text outside of a developer's machine, no token without a user."""
    with pytest.raises(ValidationError, match="APP_DATABASE_TLS"):
        Settings(environment="prod", database_tls="disable")
    with pytest.raises(ValidationError, match="APP_DATABASE_USER"):
        Settings(database_authentication="identity")
    for hosts in ("db:x", "::1", "a b"):
        with pytest.raises(ValidationError, match="database_replica_hosts"):
            Settings(database_replica_hosts=hosts)


@pytest.mark.parametrize(
    ("error", "reason", "broken"),
    [
        (ConnectionRefusedError(), "connection", True),
        (TimeoutError(), "timeout", True),
        (asyncpg.InterfaceError("connection is closed"), "connection", True),
        (asyncpg.InterfaceError("another operation is in progress"), None, True),
        (asyncpg.AdminShutdownError(), "connection", True),
        (asyncpg.CannotConnectNowError(), "connection", True),
        (asyncpg.ReadOnlySQLTransactionError(), "read_only", True),
        (asyncpg.TooManyConnectionsError(), "resources", False),
        (asyncpg.DiskFullError(), "resources", False),
        (asyncpg.InvalidPasswordError(), "credentials", False),
        (asyncpg.QueryCanceledError(), "timeout", False),
        (asyncpg.LockNotAvailableError(), "contention", False),
        (asyncpg.SerializationError(), "contention", False),
        (asyncpg.UniqueViolationError(), None, False),
        (asyncpg.UndefinedTableError(), None, False),
        (asyncpg.FeatureNotSupportedError(), None, False),
        (OutcomeUnknown(), "outcome_unknown", True),
        (Unavailable("pool_exhausted"), "pool_exhausted", False),
        (ZeroDivisionError(), None, False),
        (asyncio.CancelledError(), None, True),
    ],
)
def test_errors(error: BaseException, reason: str | None, *, broken: bool) -> None:
    """What each means for the caller and for the session; mistakes of ours stay errors."""
    assert errors.reason_of(error) == reason
    assert errors.breaks_session(error) is broken
