"""Limits shared by all replicas, counted in Redis by one script in one round trip."""

import asyncio
import logging
import math
import time

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from .limiter import Decision, Limiter, decide

_log = logging.getLogger(__name__)

BACKEND_ERRORS = Counter(
    "rate_limit_backend_errors_total", "Requests counted locally because Redis did not answer."
)

# The counts of limiter.py in a hash, judged where they are kept: reading and writing in two steps
# would let concurrent requests through. The time is that of Redis, one clock for all replicas.
# Returns what `decide` needs, to the last bit of the time, so that both come to the same verdict
# and the arithmetic of headers and waiting times exists once.
_SCRIPT = """
local window = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local number = math.floor(now / window)
local elapsed = now - number * window
local counts = redis.call('HMGET', KEYS[1], 'number', 'current', 'previous')
local stored = tonumber(counts[1]) or number
local current = tonumber(counts[2]) or 0
local previous = tonumber(counts[3]) or 0
if stored ~= number then
  if stored == number - 1 then previous = current else previous = 0 end
  current = 0
end
local remaining = math.floor(limit - previous * (1 - elapsed / window) - current + 1e-6)
if remaining >= 1 then
  redis.call('HSET', KEYS[1], 'number', number, 'current', current + 1, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], math.ceil(window * 2000))
end
return {string.format('%.17g', elapsed), current, previous}
"""

TIMEOUT_SECONDS = 0.05
"""Far above what Redis takes in the same network (under 1 ms), far below what a client notices."""

PAUSE_SECONDS = 1.0
"""After a failure Redis is left alone this long, or every request would wait for the timeout."""


class RedisLimiter:
    """Falls back on a limiter of this process while Redis is away: less exact, never down."""

    def __init__(self, redis: Redis, fallback: Limiter, limit: int, window: int) -> None:
        self.redis = redis
        self.fallback = fallback
        self.limit = limit
        self.window = window
        self._script = redis.register_script(_SCRIPT)
        self._closed_until = -math.inf

    async def hit(self, client: str) -> Decision:
        """Count a request for all replicas."""
        if time.monotonic() >= self._closed_until:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    elapsed, current, previous = await self._script(
                        keys=[f"rate-limit:{client}"], args=[self.window, self.limit]
                    )
            except (RedisError, OSError, TimeoutError) as error:
                self._closed_until = time.monotonic() + PAUSE_SECONDS
                _log.warning("rate limits are local", extra={"reason": repr(error)})
            else:
                return decide(self.limit, self.window, float(elapsed), current, previous)
        BACKEND_ERRORS.inc()
        return await self.fallback.hit(client)

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
