"""Says when files below a folder change, by the notifications of the operating system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from standardized_modules.development.events import Changed, Warned
from standardized_modules.engines.running import INSTALL
from standardized_modules.errors import UsageError

SETTLE_MILLISECONDS = 200
"""An editor's save is several operations, a formatter on save comes right after; one restart for all."""


@contextmanager
def watch(folder: Path, post: Callable[[Changed | Warned], None]) -> Iterator[None]:
    """Post changes of files below a folder as long as the context lasts.

    Raises:
        UsageError: when the package that sees them is not installed.
    """
    try:
        import watchfiles
    except ImportError:
        raise UsageError(
            "reload needs the package watchfiles, which is not installed", hint=f"{INSTALL}, or use --no-reload"
        ) from None
    stopped = Flag()

    def follow() -> None:
        try:
            changes = watchfiles.watch(
                folder, stop_event=stopped, debounce=1600, step=SETTLE_MILLISECONDS, raise_interrupt=False
            )
            for change in changes:
                post(Changed(tuple(sorted({str(Path(path).relative_to(folder.parent)) for _, path in change}))))
        except (OSError, RuntimeError) as problem:  # no more watches to be had, a folder that went away
            post(Warned(f"changes of {folder} are not seen any more: {problem}"))

    thread = Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(2)
