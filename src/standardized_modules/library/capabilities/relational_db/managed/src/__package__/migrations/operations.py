"""What migrations need besides `op`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from types import ModuleType

from alembic import op


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a statement of a migration waits for a lock, and how long it runs."""

    lock: str
    statement: str


DEFAULT = Timeouts(lock="2s", statement="30s")
"""Whoever waits for an exclusive lock makes everybody wait who comes after; the service's pools are
exhausted within seconds. And what holds such a lock has to be done within seconds too."""

ONLINE = Timeouts(lock="10min", statement="4h")
"""Here waiting and working make nobody else wait."""

_current: ContextVar[Timeouts] = ContextVar("timeouts", default=DEFAULT)


@contextmanager
def online() -> Iterator[None]:
    """For what PostgreSQL does beside the traffic, outside a transaction.

        with online():
            op.create_index("ix_items_name", "items", ["name"],
                            postgresql_concurrently=True, if_not_exists=True)

    CREATE and DROP INDEX CONCURRENTLY, VALIDATE CONSTRAINT, ALTER TYPE … ADD VALUE. What came
    before it in the migration is committed. When it fails it is run again, so every statement has
    to be one that may be repeated; an index that was left half built is dropped before that.
    """
    with op.get_context().autocommit_block():
        _apply(ONLINE)
        yield
        _apply(_current.get())


def with_timeouts(migration: Callable[..., None], module: ModuleType) -> Callable[..., None]:
    """The migration with its timeouts: `lock_timeout` and `statement_timeout` of its module."""
    timeouts = Timeouts(
        lock=getattr(module, "lock_timeout", DEFAULT.lock),
        statement=getattr(module, "statement_timeout", DEFAULT.statement),
    )

    @wraps(migration)
    def run(**arguments: object) -> None:
        token = _current.set(timeouts)
        try:
            _apply(timeouts)
            migration(**arguments)
        finally:
            _current.reset(token)

    return run


def _apply(timeouts: Timeouts) -> None:
    # Of the session, for a migration that leaves its transaction keeps them.
    op.execute(f"SET lock_timeout = '{timeouts.lock}'")
    op.execute(f"SET statement_timeout = '{timeouts.statement}'")
