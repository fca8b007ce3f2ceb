"""What tasks need besides their payload: opened when the worker starts, closed when it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..health import HealthChecks
from ..settings import Settings
from .mail import LoggedMail, Mail


@dataclass(frozen=True)
class Resources:
    """`context.resources` of every task: connection pools, clients, and the like."""

    mail: Mail


@asynccontextmanager
async def open_resources(_settings: Settings, _health: HealthChecks) -> AsyncIterator[Resources]:
    """Open what is needed, and close it after the `yield`.

    A dependency without which no task can work gets a readiness check:
    `health.add("database", pool.check)`.
    """
    yield Resources(mail=LoggedMail())
