"""What a limiter is, and the arithmetic that all of them share.

Sliding window counter: two counters a client, for the current fixed window and the one before. The
number in force is the current count plus the share of the previous window that the sliding window
still covers. It keeps the promise "q requests in w seconds" (a token bucket allows nearly 2q),
takes constant time and space, and is one short script in Redis. The price: what is counted now
fades out only during the next window, so the whole quota is back after up to two windows.
"""

import math
from typing import NamedTuple, Protocol

TOLERANCE = 1e-6
"""Of a request: what has slid out must not count on because of a rounding error."""


class Decision(NamedTuple):
    """The answer to one request."""

    allowed: bool
    remaining: int
    """Requests left now."""
    reset: int
    """Seconds without requests until the whole quota is back."""
    retry_after: int
    """Seconds until one request will pass; 0 when this one did."""


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
    remaining = math.floor(limit - previous * (1 - elapsed / window) - current + TOLERANCE)
    left = window - elapsed
    if remaining >= 1:
        # This request counts in this window, and fades until the next one ends.
        return Decision(True, remaining - 1, math.ceil(left + window), 0)
    if current < limit and previous:
        # Wait in this window, until enough of the previous one has slid out.
        wait = window * (1 - (limit - 1 - current) / previous) - elapsed
    else:
        # Wait for the next window, and there until enough of this one has slid out.
        wait = left + window * (1 - (limit - 1) / max(current, 1))
    reset = max(1, math.ceil(left + window if current else left))
    return Decision(False, 0, reset, max(1, math.ceil(wait)))
