"""A cache folder that several processes may use at once: whole files only, one writer at a time."""

import contextlib
import fcntl
import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def cache_root() -> Path:
    """The user's cache folder for this package, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "standardized-modules" / "terraform-offline"


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock that other processes (and other threads) wait for; the kernel releases it when a holder dies.

    Where no lock file can be written nothing can be kept either, so there is nothing to wait for.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(path.open("a")), fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; moved there when the body ends well, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        os.replace(temporary, path)


def write_json(path: Path, value: Any) -> None:
    """Writes gzip JSON, the same bytes for the same value. A disk that refuses costs the next run time."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    with contextlib.suppress(OSError), replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


def read_json(path: Path) -> Any | None:
    """The cached value; None when it is missing or damaged (a full disk, a killed copy): the caller makes it anew."""
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
