"""A tree of files in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Ownership = Literal["managed", "starter", "record"]
"""`managed` files are upgraded, `starter` files are the user's once written, a `record` is what
`sm` keeps about the service in `.sm/`."""


class RenderedFile(Struct, frozen=True):
    """One file: its bytes, its mode, who owns it from now on, and which template made it."""

    content: bytes
    executable: bool = False
    ownership: Ownership = "managed"
    origin: str = ""

    @property
    def mode(self) -> int:
        """Permission bits as written to disk."""
        return 0o755 if self.executable else 0o644

    @property
    def digest(self) -> str:
        """sha256 of the content, as hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


class FileTree(Struct, frozen=True):
    """Files by POSIX path relative to the service's folder, sorted by path."""

    files: dict[str, RenderedFile]

    def __iter__(self) -> Iterator[tuple[str, RenderedFile]]:
        return iter(self.files.items())

    def __len__(self) -> int:
        return len(self.files)

    def get(self, path: str) -> RenderedFile | None:
        """The file at `path`, or None."""
        return self.files.get(path)
