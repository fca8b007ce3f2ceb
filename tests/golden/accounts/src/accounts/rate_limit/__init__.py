"""How many requests one client may make in a window, and how clients learn about it."""

from .build import build_limiter
from .middleware import RateLimitMiddleware

__all__ = ["RateLimitMiddleware", "build_limiter"]
