"""Interrupts the writing of a service at many exact lines, for test_robustness.

Signals land between any two instructions, and a clock finds the rare ones once in a thousand runs.
A process of its own, because it takes the trace function that coverage and debuggers use.
Prints each line event after which something was left beside a service that is not there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from standardized_modules import InfrastructurePatternEngine, workspace

TRACED = frozenset({"workspace.py", "folder.py", "pathlib.py", "_local.py"})
"""The files whose lines count; pathlib is `_local.py` in Python 3.13."""


class InterruptAt:
    """Raises KeyboardInterrupt at one line event, counted from 1; 0 only counts."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0

    def __enter__(self) -> InterruptAt:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> object:
        if frame.f_code.co_filename.rpartition("/")[2] not in TRACED:
            return None
        if event in {"line", "return"}:
            self.seen += 1
            if self.seen == self.at:
                raise KeyboardInterrupt
        return self._trace


def main(folder: Path) -> int:
    engine = InfrastructurePatternEngine.load()
    spec = engine.spec("orders", patterns=["web_api"], cloud="aws")
    plan = engine.plan(engine.render(engine.resolve(engine.compose(spec))), folder / "orders")
    with InterruptAt(0) as counter:
        workspace.apply(plan, folder / "whole")
    whole, last = sorted((folder / "whole").rglob("*")), counter.seen
    at_the_edges = {*range(1, 120), *range(last - 120, last)}
    for at in sorted(at_the_edges | set(range(120, last, 211))):
        place = folder / str(at)
        place.mkdir()
        try:
            with InterruptAt(at):
                workspace.apply(plan, place / "orders")
            print(f"line event {at} of {last}: was not interrupted")
        except KeyboardInterrupt:
            left = list(place.rglob("*"))
            if left and len(left) != len(whole) + 1:
                print(f"line event {at} of {last}: left {left[:3]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
