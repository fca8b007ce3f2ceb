"""`.sm/lock.json`: what made a service, and what each file was when `sm` last wrote it."""

from __future__ import annotations

from msgspec import Struct

from standardized_modules.model.library import Scalar
from standardized_modules.model.tree import Ownership


class LockedFile(Struct, frozen=True):
    """One file as `sm` wrote it."""

    sha256: str
    ownership: Ownership
    origin: str


class Lock(Struct, frozen=True):
    """The whole lock. Written last, so that a process which died leaves the old one or the new.

    `files` is what the base holds. A path with an open conflict keeps its entry of before, and
    `conflicts` has the sha256 of the version that was proposed for it.
    """

    format: int
    tool: str
    service: str
    cloud: str
    region: str
    owner: str
    patterns: dict[str, str]
    parameters: dict[str, Scalar]
    environment_parameters: dict[str, dict[str, Scalar]]
    files: dict[str, LockedFile]
    base_sha256: str
    conflicts: dict[str, str] = {}
