"""Keeps the order within groups: what a broker delivers together is still handled one by one."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Turn:
    """The messages of one group that this process holds."""

    group: str | None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # Served in the order of asking.
    holders: int = 0
    broken: bool = False
    """One of them comes back later, so those behind it must not be handled now."""


class Groups:
    """One turn for each group that has messages here; messages without a group take no turns."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def join(self, group: str | None) -> Turn:
        """Called for each message when it is received, before the first of them is handled."""
        turn = Turn(None) if group is None else self._turns.setdefault(group, Turn(group))
        turn.holders += 1
        return turn

    def leave(self, turn: Turn) -> None:
        """The message is settled."""
        turn.holders -= 1
        if not turn.holders and turn.group is not None:
            del self._turns[turn.group]
