"""Idempotency keys in the memory of one process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from .idempotency import WORK_SECONDS, Claim, Stored
from .problems import ProblemError

OVERHEAD = 1024
"""Bytes that an entry takes besides its answer, rounded up."""


class _Kept(NamedTuple):
    fingerprint: str
    expires: float
    size: int
    answer: Stored | None  # None: done, but the answer was too large to keep.


class MemoryIdempotencyStore:
    """For one process: development, tests, or a service with a single replica.

    When it is full, the oldest answers are forgotten first; a claim never is, as long as its lease
    lasts, because forgetting it would let the same work run twice.
    """

    def __init__(
        self,
        *,
        keep_seconds: float = 24 * 3600,
        lease_seconds: float = WORK_SECONDS * 1.5,
        max_keys: int = 10_000,
        max_bytes: int = 16 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep_seconds = keep_seconds
        self.lease_seconds = lease_seconds
        self.max_keys = max_keys
        self.max_bytes = max_bytes
        self.clock = clock
        # All of a kind live equally long, so in each the oldest is also the next to expire.
        self._claims: OrderedDict[str, tuple[Claim, float]] = OrderedDict()
        self._answers: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    async def begin(self, key: str, fingerprint: str) -> Claim | Stored:
        """See IdempotencyStore. Nothing is awaited inside, so two callers cannot both claim."""
        self._expire()
        kept = self._answers.get(key)
        running = self._claims.get(key)
        known = kept.fingerprint if kept else running[0].fingerprint if running else fingerprint
        if known != fingerprint:
            raise ProblemError(422, "This Idempotency-Key was used for a different request.")
        if running:
            detail = "A request with this Idempotency-Key is running."
            raise ProblemError(409, detail, headers={"retry-after": "1"})
        if kept:
            if kept.answer is None:
                raise ProblemError(409, "This was done; its answer was too large to be kept.")
            return kept.answer
        if len(self._claims) >= self.max_keys:
            raise ProblemError(503, "Too many requests are running.", headers={"retry-after": "1"})
        claim = Claim(key, fingerprint)
        self._claims[key] = claim, self.clock() + self.lease_seconds
        self._make_room()
        return claim

    async def complete(self, claim: Claim, answer: Stored) -> None:
        """See IdempotencyStore."""
        running = self._claims.get(claim.key)
        if claim.key in self._answers or (running and running[0].token != claim.token):
            return
        self._claims.pop(claim.key, None)
        size = OVERHEAD + len(answer.body)
        size += sum(len(name) + len(value) for name, value in answer.headers)
        kept = answer if size <= self.max_bytes else None
        size = size if kept else OVERHEAD
        expires = self.clock() + self.keep_seconds
        self._answers[claim.key] = _Kept(claim.fingerprint, expires, size, kept)
        self._bytes += size
        self._make_room()

    async def abandon(self, claim: Claim) -> None:
        """See IdempotencyStore."""
        running = self._claims.get(claim.key)
        if running and running[0].token == claim.token:
            del self._claims[claim.key]

    def _expire(self) -> None:
        now = self.clock()
        while self._claims and next(iter(self._claims.values()))[1] <= now:
            self._claims.popitem(last=False)
        while self._answers and next(iter(self._answers.values())).expires <= now:
            self._forget_oldest()

    def _make_room(self) -> None:
        while self._answers and (
            self._bytes > self.max_bytes or len(self._answers) + len(self._claims) > self.max_keys
        ):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._bytes -= self._answers.popitem(last=False)[1].size
