"""What a limiter is, and the arithmetic that all of them share.

Sliding window counter: two counters a client, for the current fixed window and the one before. The
number in force is the current count plus the share of the previous window that the sliding window
still covers. It keeps the promise "q requests in w seconds" (a token bucket allows nearly 2q),
takes constant time and space, and is one short script in Redis.
"""

import math
from typing import NamedTuple, Protocol


class Decision(NamedTuple):
    """The answer to one request."""

    allowed: bool
    remaining: int
    """Requests left now."""
    reset: int
    """Seconds until the quota is back: all of it when allowed, one request when refused."""


class Limiter(Protocol):
    """Counts requests by client."""

    async def hit(self, client: str) -> Decision:
        """Count a request of this client, unless it is over its limit."""
        ...

    async def close(self) -> None:
        """Release connections, if any."""
        ...


def decide(limit: int, window: float, elapsed: float, current: int, previous: int) -> Decision:
    """Judge one more request, `elapsed` seconds into a window with these counts so far."""
    covered = previous * (1 - elapsed / window)
    remaining = math.floor(limit - covered - current)
    left = window - elapsed
    if remaining >= 1:
        return Decision(True, remaining - 1, math.ceil(left))
    if current < limit and previous:
        # Wait in this window, until enough of the previous one has slid out.
        wait = window * (1 - (limit - 1 - current) / previous) - elapsed
    else:
        # Wait for the next window, and there until enough of this one has slid out.
        wait = left + window * (1 - (limit - 1) / max(current, 1))
    return Decision(False, 0, max(1, math.ceil(wait)))
