"""Which server a read goes to."""

from collections.abc import Iterator

from .metrics import reads
from .pool import Pool
from .position import ANYWHERE, PRIMARY_ONLY, Position

ATTEMPTS = 2
"""Replicas that a read tries: more than one is away only when much else is."""


class Router:
    """Replicas in turn, when they are fresh enough; the primary otherwise."""

    def __init__(self, primary: Pool, replicas: tuple[Pool, ...], max_lag_seconds: float) -> None:
        self.primary = primary
        self.replicas = replicas
        self._max_lag = max_lag_seconds
        self._turn = 0

    def route(self, after: Position) -> Iterator[Pool]:
        """Servers to ask, best first: two replicas at most, then the primary.

        What one of them could not do because it is away, the next may.
        """
        asked = 0
        if after != PRIMARY_ONLY and self.replicas:
            self._turn = (self._turn + 1) % len(self.replicas)
            for pool in (*self.replicas[self._turn :], *self.replicas[: self._turn]):
                if asked < ATTEMPTS and self.usable(pool, after):
                    asked += 1
                    reads("replica", "retry" if asked > 1 else "fresh").inc()
                    yield pool
        reads("primary", "retry" if asked else self._reason(after)).inc()
        yield self.primary

    def usable(self, replica: Pool, after: Position = ANYWHERE) -> bool:
        """Whether a replica is there, not too far behind, and shows everything up to `after`."""
        state = replica.state
        return (
            state.position is not None
            and state.lag_seconds <= self._max_lag
            and state.position >= after
        )

    def _reason(self, after: Position) -> str:
        if not self.replicas:
            return "no_replica"
        if after == PRIMARY_ONLY:
            return "asked"
        if any(self.usable(replica) for replica in self.replicas):
            return "behind"
        return "unusable"
