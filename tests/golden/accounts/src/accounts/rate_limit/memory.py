"""Limits within this process: no dependency, but each replica counts for itself."""

import time
from collections import OrderedDict
from collections.abc import Callable

from .limiter import Decision, decide

MAX_CLIENTS = 50_000
"""About 10 MB. Beyond it the longest idle client is forgotten, so that memory stays bounded even
when an attacker has more addresses than that."""


class MemoryLimiter:
    """With N replicas behind a load balancer a client gets up to N times the limit."""

    def __init__(
        self,
        limit: int,
        window: float,
        *,
        max_clients: int = MAX_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self.window = window
        self.max_clients = max_clients
        self.clock = clock
        # client -> (number of the window, requests in it, requests in the one before)
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    async def hit(self, client: str) -> Decision:
        """Count a request; constant time."""
        number, elapsed = divmod(self.clock(), self.window)
        window, current, previous = self._counts.get(client, (int(number), 0, 0))
        if window != number:
            # One window on: this one's count becomes the previous; more: both are history.
            previous = current if window == number - 1 else 0
            current = 0
        decision = decide(self.limit, self.window, elapsed, current, previous)
        self._counts[client] = (int(number), current + decision.allowed, previous)
        self._counts.move_to_end(client)
        if len(self._counts) > self.max_clients:
            self._counts.popitem(last=False)
        return decision

    async def close(self) -> None:
        """There is nothing to release."""
