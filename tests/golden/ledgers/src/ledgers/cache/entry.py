"""What is kept under a key: a date, a kind, and a body.

    000000000a1b2c3dv1 {"id": …}    shows every write before this position
    000000000a1b2c3dn               the same, of something that does not exist
    000000000a1b2c3dt               something was written; what is older counts no more

The date has a fixed width, so that the scripts of the cache compare dates as text.
"""

import re
from typing import Literal, NamedTuple

from ..database import Position

Kind = Literal["value", "nothing", "mark"]

_LETTERS: dict[Kind, bytes] = {"value": b"v", "nothing": b"n", "mark": b"t"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_HEADER = re.compile(rb"([0-9a-f]{16})([vnt])")


class Entry(NamedTuple):
    """An entry of the cache."""

    date: Position
    kind: Kind
    body: bytes = b""

    def encode(self) -> bytes:
        """As it is kept."""
        return encode_date(self.date) + _LETTERS[self.kind] + self.body

    def shows(self, position: Position) -> bool:
        """Whether it says what is true once this position has been reached."""
        return self.kind != "mark" and shows(self.date, position)


def shows(date: Position, position: Position) -> bool:
    """Whether what has this date shows everything up to the position."""
    return date > position or not position.lsn


def decode_entry(content: bytes) -> Entry | None:
    """The entry, or None when that is not one of ours."""
    header = _HEADER.match(content)
    if header is None:
        return None
    return Entry(Position(int(header[1], 16)), _KINDS[header[2]], content[header.end() :])


def encode_date(date: Position) -> bytes:
    """Sixteen digits."""
    return b"%016x" % date.lsn
