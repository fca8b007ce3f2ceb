"""What is known about each server at this moment. Watches write it, pools and routing read it."""

from collections import deque
from dataclasses import dataclass, field
from math import inf

from .position import ANYWHERE, Position

# Positions as numbers, which compare as they should.
WRITTEN = "SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint"

SAMPLES = 1200
"""Ten minutes at two a second; a replica that is further behind is out by any limit."""


@dataclass(eq=False, slots=True)
class ServerState:
    """One server, as its watch saw it last."""

    up: bool | None = None
    """None until the first answer, or the first two failures."""
    position: Position | None = None
    """Replicas: how far the log was replayed at least. None: not known, so nobody reads there."""
    lag_seconds: float = inf
    """Replicas: for how long at most the primary has been ahead; infinite when nobody knows."""
    generation: int = 0
    """Connections of an earlier generation are not used again: the server was away since."""

    def lost(self) -> None:
        """A connection broke: whoever answers next may be another server, or know less."""
        self.generation += 1
        self.position = None

    def shown(self, position: Position) -> bool:
        """Whether a new connection to a replica shows what reads are sent there for.

        A server that was restarted, or another one by the same name, may have stepped back.
        """
        if self.position is None:
            return False
        if position < self.position:
            self.lost()
            return False
        return True


@dataclass(slots=True)
class PrimaryLog:
    """When the primary was where: turns the position of a replica into seconds.

    The difference between clocks does not matter, nor whether anybody writes: a replica of an idle
    primary has replayed everything, and its lag is 0 however long ago the last commit was. One that
    is cut off from the primary falls behind visibly, although it has replayed all it got.

    What was before the first sample nobody knows: a replica that has not come as far may be behind
    by a second or by a week. A process that has just started reads from a replica as soon as that
    has what the primary had then, and from none while it has never seen the primary.

    Nothing is recorded while the primary is away, so the lag of replicas stands still and reads go
    on: what they miss has not grown either.
    """

    _samples: deque[tuple[float, Position]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _seen: float = 0.0

    def record(self, now: float, position: Position) -> None:
        """The primary is at this position now. One that went back is another history."""
        self._seen = now
        if self._samples and position < self._samples[-1][1]:
            self._samples.clear()
        if not self._samples or position > self._samples[-1][1]:
            self._samples.append((now, position))

    @property
    def newest(self) -> Position:
        """Where the primary was when it was last seen."""
        return self._samples[-1][1] if self._samples else ANYWHERE

    def knows(self, replayed: Position) -> bool:
        """Whether the primary has been seen at this position, or before it."""
        return bool(self._samples) and self._samples[0][1] <= replayed

    def lag_of(self, replayed: Position) -> float:
        """For how long the primary was ahead of this position when it was last seen.

        At least: it is exact only for a position that the log knows.
        """
        for moment, position in self._samples:
            if position > replayed:
                return self._seen - moment
        return 0.0
