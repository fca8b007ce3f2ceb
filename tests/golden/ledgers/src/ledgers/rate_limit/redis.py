"""Limits shared by all replicas, counted in Redis by one script in one round trip."""

from prometheus_client import Counter

from ..cache import AwayError, Cache, Script
from .limiter import Decision, Limiter, decide

BACKEND_ERRORS = Counter(
    "rate_limit_backend_errors_total", "Requests counted locally because Redis did not answer."
)

# The counts of limiter.py in a hash, judged where they are kept: reading and writing in two steps
# would let concurrent requests through. The time is that of Redis, one clock for all replicas.
# Returns what `decide` needs, to the last bit of the time, so that both come to the same verdict
# and the arithmetic of headers and waiting times exists once.
_SCRIPT = Script("""
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
""")


class RedisLimiter:
    """Falls back on a limiter of this process while the cache is away: less exact, never down."""

    def __init__(self, cache: Cache, fallback: Limiter, limit: int, window: int) -> None:
        self._cache = cache
        self._fallback = fallback
        self._limit = limit
        self._window = window
        self._prefix = f"{cache.namespace}:rate-limit:"

    async def hit(self, client: str) -> Decision:
        """Count a request for all replicas."""
        try:
            elapsed, current, previous = await self._cache.run(
                "count", _SCRIPT, self._prefix + client, self._window, self._limit
            )
        except AwayError:
            BACKEND_ERRORS.inc()
            return await self._fallback.hit(client)
        return decide(self._limit, self._window, float(elapsed), current, previous)

    async def close(self) -> None:
        """There is nothing to release: the cache is not ours."""
