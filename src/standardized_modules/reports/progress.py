"""How far `sm verify` is, while it runs: one line that is written over on a terminal, few lines elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

from standardized_modules.verification import Outcome

SLOW = 2.0
"""Seconds after which a check is worth a line of its own in a log."""


class Progress:
    """Told of each outcome; writes to a stream, usually stderr."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._started = time.monotonic()

    def __call__(self, outcome: Outcome, done: int, of: int) -> None:
        """One more check has ended."""
        if self._live:
            end = "\n" if done == of else ""
            self._stream.write(f"\r\x1b[2K{done}/{of} checks, {outcome.check_id} {outcome.status}{end}")
            self._stream.flush()
        elif outcome.seconds > SLOW or outcome.status == "crashed":
            self._stream.write(f"{done}/{of} {outcome.check_id}: {outcome.status} after {outcome.seconds:.1f} s\n")
        if done == of and not self._live:
            self._stream.write(f"{of} checks in {time.monotonic() - self._started:.1f} s\n")
