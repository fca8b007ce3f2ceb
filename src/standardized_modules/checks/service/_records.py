"""The records of a service, `.sm/`, as checks see them; and samples with records."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping

import msgspec

from standardized_modules.checks import Tree
from standardized_modules.errors import WorkspaceError
from standardized_modules.model.lock import Lock, LockedFile
from standardized_modules.stages.record import BASE, FORMAT, LOCK, read_lock

SPEC = "sm.yaml"


def lock_of(tree: Tree) -> Lock | None:
    """The lock, or None when there is none that can be read: SM502 says so."""
    try:
        return read_lock(tree[LOCK].encode()) if LOCK in tree else None
    except WorkspaceError:
        return None


def recorded(
    files: Mapping[str, str], service: str = "orders", parameters: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Managed files with the records that sm would keep of them; for BAD and GOOD."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    base = buffer.getvalue()
    lock = Lock(
        format=FORMAT,
        tool="1.0.0",
        service=service,
        cloud="aws",
        region="eu-west-1",
        owner="team-orders",
        patterns={"web_api": "1.0.0"},
        parameters=dict(parameters or {}),
        environment_parameters={},
        files={
            path: LockedFile(hashlib.sha256(text.encode()).hexdigest(), "managed", "base")
            for path, text in sorted(files.items())
        },
        base_sha256=hashlib.sha256(base).hexdigest(),
    )
    text = msgspec.json.format(msgspec.json.encode(lock), indent=2).decode()
    return {**files, LOCK: text + "\n", BASE: base.decode()}
