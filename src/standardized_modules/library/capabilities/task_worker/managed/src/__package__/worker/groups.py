"""Keeps the order within groups: what a broker delivers together is still handled one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Turn:
    """The messages of one group that this process holds."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # Served in the order of asking.
    holders: int = 0
    broken: bool = False
    """One of them comes back later, so those behind it must not be handled now."""


class Groups:
    """One turn for each group that has messages here."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @asynccontextmanager
    async def turn(self, group: str | None) -> AsyncIterator[Turn]:
        """Wait until the messages of the group that came before are settled."""
        if group is None:
            yield Turn()
            return
        turn = self._turns.setdefault(group, Turn())
        turn.holders += 1
        try:
            async with turn.lock:
                yield turn
        finally:
            turn.holders -= 1
            if not turn.holders:
                del self._turns[group]
