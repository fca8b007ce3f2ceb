"""Results of checks kept between runs, by everything that decides them. See ADR 0005.

A file a result, named by its key and written whole: processes share the folder without a lock, and
a key that changed is simply a file that is not there. The first line is the digest of the rest, so that
a damaged file is one that is not there too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from standardized_modules.checks import CheckInfo, Finding
from standardized_modules.checks.index import check_files

KEPT = 4000
"""Results that are kept, about 16 MB on disk: sixty services with sixty checks."""
PACKAGE = Path(__file__).parents[1]


class ResultCache:
    """Findings by key. Without a folder it keeps nothing, and no failure of it is one of the run."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._wrote = False

    def get(self, key: str) -> tuple[Finding, ...] | None:
        """What was found with this key, or None when it is not known."""
        if self._folder is None:
            return None
        try:
            digest, _, body = (self._folder / key).read_bytes().partition(b"\n")
            if digest.decode() != hashlib.sha256(body).hexdigest():
                return None
            return msgspec.json.decode(body, type=tuple[Finding, ...])
        except (OSError, ValueError):
            return None

    def put(self, key: str, findings: Iterable[Finding]) -> None:
        """Keep what was found."""
        if self._folder is None:
            return
        body = msgspec.json.encode(tuple(findings))
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                os.replace(name, self._folder / key)
                self._wrote = True
            except BaseException:
                os.unlink(name)
                raise

    def prune(self, kept: int = KEPT) -> None:
        """Remove the oldest results, when this run added some and there are too many."""
        if self._folder is None or not self._wrote:
            return
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            files = sorted((entry.stat().st_mtime, entry.path) for entry in entries)
            for _, path in files[: max(0, len(files) - kept)]:
                os.unlink(path)


def private_folder() -> Path | None:
    """Where results are kept, below the user's cache folder; None when there can be no such folder.

    A result decides whether a run passes: a folder that others can write is not trusted.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    folder = base / "sm" / "verify"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except OSError:
        return None
    private = about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if private and os.access(folder, os.W_OK) else None


def key_of(check: CheckInfo, *parts: str) -> str:
    """The key of a check's result: its own text and everything else that decides it."""
    return hashlib.sha256("\0".join((check.id, check.digest, *parts)).encode()).hexdigest()


def shared_digest() -> str:
    """sha256 of all of `sm` but the checks' own files: any of it may be what a check calls."""
    own = set(check_files())
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for file in sorted(files):
            path = Path(folder, file)
            if path not in own:
                digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
