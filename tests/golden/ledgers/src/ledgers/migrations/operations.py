"""What migrations need besides `op`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from time import monotonic
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

ONLINE_LOCK = "10min"
"""Here waiting and working make nobody else wait. How long it may work is up to the job."""

PATIENCE_SECONDS = 14_400
"""Of a migration that a person runs (docs/runbook.md). A deployment's job names its own."""

START_SECONDS = 300
"""What a job needs before it gets here: a node, the image, the roles. Its deadline counts it."""

_current: ContextVar[Timeouts] = ContextVar("timeouts", default=DEFAULT)
_ends: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Statements of online() end before the job does, which has this long from its start."""
    token = _ends.set(monotonic() + max(seconds - START_SECONDS, 1))
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def online() -> Iterator[None]:
    """For what PostgreSQL does beside the traffic, outside a transaction.

        with online():
            op.create_index("ix_items_name", "items", ["name"],
                            postgresql_concurrently=True, if_not_exists=True)

    CREATE and DROP INDEX CONCURRENTLY, VALIDATE CONSTRAINT, ALTER TYPE … ADD VALUE: what rules.py
    lists, and in a migration that does nothing else. When it fails it is run again from its start,
    so all of it has to be repeatable; an index that was left half built is dropped before that.
    """
    with op.get_context().autocommit_block():
        ends = _ends.get()
        left = PATIENCE_SECONDS if ends is None else max(int(ends - monotonic()), 1)
        _apply(Timeouts(lock=ONLINE_LOCK, statement=f"{left}s"))
        yield
        _apply(_current.get())


def timeouts_of(module: ModuleType) -> Timeouts:
    """`lock_timeout` and `statement_timeout` of a migration, or what is good for most."""
    return Timeouts(
        lock=getattr(module, "lock_timeout", DEFAULT.lock),
        statement=getattr(module, "statement_timeout", DEFAULT.statement),
    )


def with_timeouts(migration: Callable[..., None], module: ModuleType) -> Callable[..., None]:
    """The migration with its timeouts."""
    timeouts = timeouts_of(module)

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
