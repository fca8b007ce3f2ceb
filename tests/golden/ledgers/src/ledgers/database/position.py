"""Positions in the write-ahead log: what a reader must be able to see.

Every commit ends at a position (LSN). A replica that has replayed as far shows the commit, so "I
want to read what I wrote" is a comparison of two numbers.
"""

from dataclasses import dataclass

_LARGEST = 2**64 - 1
_TOKEN_DIGITS = 16


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log; later ones are greater."""

    lsn: int

    @property
    def token(self) -> str:
        """For clients to send back; empty when there is nothing to say."""
        return f"{self.lsn:x}" if 0 < self.lsn < _LARGEST else ""

    @property
    def next(self) -> "Position":
        """The first one behind it."""
        return Position(min(self.lsn + 1, _LARGEST))

    @property
    def previous(self) -> "Position":
        """The last one before it."""
        return Position(max(self.lsn - 1, 0))


ANYWHERE = Position(0)
"""Any replica will do that is not too far behind."""

PRIMARY_ONLY = Position(_LARGEST)
"""Nothing but the primary: a write was made and we do not know where it ended."""


def parse_token(token: str) -> Position:
    """The position in a token; ValueError when it is not one of ours.

    Tokens are not signed: a forged one reads from the primary, which every write may do anyway.
    """
    if not 0 < len(token) <= _TOKEN_DIGITS or token.strip("0123456789abcdef"):
        raise ValueError("not a position")
    return Position(int(token, 16))
