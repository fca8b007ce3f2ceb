"""Starts the emulator of Table storage for a service, with the table that its Terraform describes."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from standardized_modules.engines.child import Asked, Child, never, wait_until
from standardized_modules.engines.running import LOOPBACK, START_SECONDS, Facts, Running, failed

PACKAGE = "standardized_modules.engines.tables"
TABLE = "idempotency"
"""The name that Terraform gives it, and that the service takes for granted with a connection string."""
_REMOVED = (
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TENANT_ID",
)
"""Whatever would lead the SDK to a real account."""


@contextmanager
def engine(facts: Facts, folder: Path, cancelled: Asked = never) -> Iterator[Running]:
    """Run the emulator for a service.

    Args:
        facts: The service; its parameters change nothing here.
        folder: For its log.
        cancelled: Whether to stop waiting for it.

    Raises:
        EngineError: when it does not start.
    """
    del facts
    log, ready = folder / "tables.log", folder / "tables.ready"
    command = [sys.executable, "-m", PACKAGE, "--table", TABLE, "--port", "0", "--ready-file", str(ready)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "APP_"))}
    with log.open("wb") as output:
        child = Child(command, environment=environment, folder=folder, output=output)
    try:
        if not wait_until(lambda: _answers(ready), child, START_SECONDS, cancelled):
            raise failed("tables", "does not start", log)
        yield _running(_read(ready), child, log)
    finally:
        child.stop(signal.SIGTERM, seconds=5)


class _Ready(msgspec.Struct, frozen=True):
    """What the emulator writes to a file as soon as it listens."""

    port: int
    connection_string: str


def _read(ready: Path) -> _Ready:
    return msgspec.json.decode(ready.read_bytes(), type=_Ready)


def _answers(ready: Path) -> bool:
    """Whether it speaks HTTP; it refuses us, for we have signed nothing."""
    if not ready.is_file():
        return False
    try:
        with socket.create_connection((LOOPBACK, _read(ready).port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            return connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 401"
    except OSError:
        return False


def _running(found: _Ready, child: Child, log: Path) -> Running:
    return Running(
        name="tables",
        title="Table storage (emulator)",
        address=f"http://{LOOPBACK}:{found.port}",
        resources={"idempotency table": TABLE},
        settings={"APP_IDEMPOTENCY_CONNECTION_STRING": found.connection_string, "APP_IDEMPOTENCY_TABLE": ""},
        removed=_REMOVED,
        notes=(),
        child=child,
        log=log,
    )
