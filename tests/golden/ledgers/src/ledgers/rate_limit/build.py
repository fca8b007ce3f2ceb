"""Chooses the limiter."""

from ..cache import Cache
from ..settings import Settings
from .limiter import Limiter
from .memory import MemoryLimiter
from .redis import RedisLimiter


def build_limiter(settings: Settings, cache: Cache | None) -> Limiter | None:
    """The limiter that the settings ask for; None when there is no limit."""
    limit, window = settings.rate_limit_requests, settings.rate_limit_window_seconds
    if not limit:
        return None
    limiter: Limiter = MemoryLimiter(limit, window)
    if cache is not None:
        limiter = RedisLimiter(cache, limiter, limit, window)
    return limiter
