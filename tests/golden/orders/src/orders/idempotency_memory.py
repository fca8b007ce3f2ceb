"""Idempotency keys in the memory of one process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .idempotency import Stored
from .problems import ProblemError


@dataclass
class _Entry:
    fingerprint: str
    expires: float
    answer: Stored | None = None


class MemoryIdempotencyStore:
    """For one process: development, tests, or a service with a single replica."""

    def __init__(
        self,
        *,
        keep_seconds: float = 24 * 3600,
        max_keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep_seconds = keep_seconds
        self.max_keys = max_keys
        self.clock = clock
        # Every key is kept equally long, so the oldest entry is also the next to expire.
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def begin(self, key: str, fingerprint: str) -> Stored | None:
        """See IdempotencyStore. Nothing is awaited inside, so two callers cannot both claim."""
        self._forget()
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(fingerprint, self.clock() + self.keep_seconds)
            return None
        if entry.fingerprint != fingerprint:
            raise ProblemError(422, "This Idempotency-Key was used for a different request.")
        if entry.answer is None:
            raise ProblemError(
                409, "A request with this Idempotency-Key is running.", headers={"retry-after": "1"}
            )
        return entry.answer

    async def complete(self, key: str, answer: Stored) -> None:
        """See IdempotencyStore."""
        if entry := self._entries.get(key):
            entry.answer = answer

    async def abandon(self, key: str) -> None:
        """See IdempotencyStore."""
        self._entries.pop(key, None)

    def _forget(self) -> None:
        now = self.clock()
        while self._entries:
            entry = next(iter(self._entries.values()))
            if entry.expires > now and len(self._entries) < self.max_keys:
                return
            self._entries.popitem(last=False)
