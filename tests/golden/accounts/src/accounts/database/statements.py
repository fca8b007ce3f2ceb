"""Statements have names: metrics and the log of slow ones speak of "list items", not of SQL."""

import logging
from dataclasses import dataclass
from time import perf_counter

from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from .metrics import SLOW_STATEMENTS, query_duration

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1`, `$2`, … and a name. Make them at module level: names must stay few."""

    name: str
    sql: str


def observe(statement: str, target: str, seconds: float, slow: float) -> None:
    """Record how long a statement took. Parameters are never logged: they are people's data."""
    query_duration(statement, target).observe(seconds)
    if seconds >= slow:
        SLOW_STATEMENTS.labels(statement).inc()
        details = {"statement": statement, "target": target, "seconds": round(seconds, 4)}
        _log.warning("slow statement", extra=details)


def time_statements(engine: AsyncEngine, target: str, slow: float) -> None:
    """Observe every statement that goes through SQLAlchemy, the failing ones too.

    Its name is that of the transaction, unless the statement has one of its own:
    `.execution_options(statement_name="count items")`.
    """

    def begin(conn: Connection, **_: object) -> None:
        conn.info["began"] = perf_counter()

    def end(conn: Connection, context: ExecutionContext, **_: object) -> None:
        name = context.execution_options.get("statement_name", "other")
        observe(name, target, perf_counter() - conn.info["began"], slow)

    def failed(failure: ExceptionContext) -> None:
        if failure.connection is not None and failure.execution_context is not None:
            end(failure.connection, failure.execution_context)

    event.listen(engine.sync_engine, "before_cursor_execute", begin, named=True)
    event.listen(engine.sync_engine, "after_cursor_execute", end, named=True)
    event.listen(engine.sync_engine, "handle_error", failed)
