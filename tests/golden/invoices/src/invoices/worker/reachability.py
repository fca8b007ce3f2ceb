"""Whether the queue and the idempotency store answered when they were last asked."""

from collections import Counter

QUEUE = "queue"
STORE = "idempotency store"


class Reachability:
    """Told by those who call them, so that readiness costs no call of its own."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    def works(self, name: str) -> None:
        """It answered."""
        del self._failures[name]

    def failed(self, name: str) -> None:
        """It did not."""
        self._failures[name] += 1

    @property
    def failures(self) -> int:
        """How often in a row the worse of the two has failed; 0 when both work."""
        return max(self._failures.values(), default=0)

    async def check(self) -> None:
        """For readiness: raises while something does not answer."""
        if self._failures:
            raise ConnectionError(" and ".join(sorted(self._failures)))
