"""Chooses the limiter."""

from ..settings import Settings
from .limiter import Limiter
from .memory import MemoryLimiter


def build_limiter(settings: Settings) -> Limiter | None:
    """The limiter that the settings ask for; None when there is no limit."""
    limit, window = settings.rate_limit_requests, settings.rate_limit_window_seconds
    if not limit:
        return None
    limiter: Limiter = MemoryLimiter(limit, window)
    return limiter
