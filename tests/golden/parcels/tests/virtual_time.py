"""An event loop whose clock jumps: a wait of an hour takes no time, and is never a second off."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Where the loop would sleep until the next timer, it moves the clock to it instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What has happened; nothing from outside is waited for."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the test waits for something that will never happen")
            self.now += max(timeout, 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For tests that use no sockets and no threads."""

    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.jumping.now


BACKEND: tuple[str, Mapping[str, Any]] = ("asyncio", {"loop_factory": VirtualLoop})
"""What the fixture `anyio_backend` returns for such tests."""
EPOCH = 1_800_000_000.0


def clock() -> float:
    """UNIX seconds that follow the loop, for what wants a wall clock."""
    return EPOCH + asyncio.get_running_loop().time()


def elapsed() -> float:
    """Seconds since the test's loop was made."""
    return asyncio.get_running_loop().time()
