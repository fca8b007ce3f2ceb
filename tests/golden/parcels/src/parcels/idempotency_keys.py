"""Which tasks have been done: a message that comes twice must not take effect twice.

A claim is a lease. It outlives a worker that died, for `lease_seconds` at most, and a worker that
goes on renews it by claiming again. The owner is new for every attempt, so that an attempt which
comes back after its lease can neither finish nor release what belongs to a later one.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, Protocol

from .settings import Settings

Claimed = Literal["new", "done", "busy"]


class IdempotencyStore(Protocol):
    """Remembers keys. All replicas must share one, or a redelivery may meet one that knows nothing.

    Every method raises BrokerUnavailable when the store cannot be reached.
    """

    async def claim(self, key: str, owner: str, lease_seconds: float) -> Claimed:
        """new: the key is ours for the lease, or still ours and renewed. done: it was finished.

        busy: another owner has it and its lease has not ended.
        """
        ...

    async def finish(self, key: str, owner: str) -> None:
        """Remember that the work is done, unless the key belongs to another owner by now."""
        ...

    async def release(self, key: str, owner: str) -> None:
        """Give up the claim if it is still ours: the work failed and may be tried again."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class MemoryIdempotencyStore:
    """For one process: development, tests, or a service with a single replica.

    When it is full the keys that were finished first are forgotten first; a claim never is.
    """

    def __init__(
        self,
        keep_seconds: float,
        *,
        max_keys: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep_seconds = keep_seconds
        self.max_keys = max_keys
        """About 20 MB of keys."""
        self.clock = clock
        self._claims: dict[str, tuple[str, float]] = {}
        # All live equally long, so the oldest is also the next to expire.
        self._done: OrderedDict[str, float] = OrderedDict()

    async def claim(self, key: str, owner: str, lease_seconds: float) -> Claimed:
        """See IdempotencyStore. Nothing is awaited inside, so two callers cannot both claim."""
        now = self.clock()
        while self._done and next(iter(self._done.values())) <= now:
            self._done.popitem(last=False)
        if key in self._done:
            return "done"
        held = self._claims.get(key)
        if held and held[0] != owner and held[1] > now:
            return "busy"
        self._claims[key] = owner, now + lease_seconds
        return "new"

    async def finish(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        held = self._claims.get(key)
        if held and held[0] != owner:
            return
        self._claims.pop(key, None)
        self._done[key] = self.clock() + self.keep_seconds
        self._done.move_to_end(key)
        if len(self._done) > self.max_keys:
            self._done.popitem(last=False)

    async def release(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        held = self._claims.get(key)
        if held and held[0] == owner:
            del self._claims[key]

    async def close(self) -> None:
        """There is nothing to release."""


def open_idempotency_store(settings: Settings) -> IdempotencyStore:
    """The store that the settings name; without one the memory of this process.

    Adapters connect when they are first used, so this neither waits nor fails.
    """
    if settings.idempotency_table or settings.idempotency_connection_string:
        from .idempotency_table import TableIdempotencyStore  # noqa: PLC0415 as in open_queue

        return TableIdempotencyStore(
            settings.idempotency_table,
            keep_seconds=settings.idempotency_ttl_seconds,
            connection_string=settings.idempotency_connection_string,
        )
    return MemoryIdempotencyStore(settings.idempotency_ttl_seconds)
