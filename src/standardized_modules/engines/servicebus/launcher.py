"""Starts the emulator of Service Bus for a service, with the queue that its Terraform describes."""

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
from standardized_modules.engines.servicebus.settings import EmulatorSettings, QueueSettings

PACKAGE = "standardized_modules.engines.servicebus"
DUPLICATES = 600.0
"""Seconds for which message ids are remembered, as in Azure."""
AMQP = b"AMQP\x03\x01\x00\x00"
"""The first bytes of a connection with SASL, in both directions (AMQP 1.0, part 5.3.1)."""
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
        facts: The service.
        folder: For its settings and its log.
        cancelled: Whether to stop waiting for it.

    Raises:
        EngineError: when it does not start.
    """
    log, ready = folder / "servicebus.log", folder / "ready"
    settings = folder / "servicebus.json"
    settings.write_bytes(msgspec.json.encode(_settings(facts)))
    command = [sys.executable, "-m", PACKAGE, "--config", str(settings), "--port", "0", "--ready-file", str(ready)]
    with log.open("wb") as output:
        child = Child(command, environment=_environment(), folder=folder, output=output)
    try:
        if not wait_until(lambda: _answers(ready), child, START_SECONDS, cancelled):
            raise failed("servicebus", "does not start", log)
        yield _running(facts, _read(ready), child, log)
    finally:
        child.stop(signal.SIGTERM, seconds=5)


def _settings(facts: Facts) -> EmulatorSettings:
    values = facts.values
    queue = QueueSettings(
        name=facts.service,
        lock_duration=float(values["queue.visibility_timeout"]),
        max_delivery_count=min(2 * int(values["worker.max_attempts"]) + 10, 2000),
        time_to_live=float(values["queue.retention"]),
        dead_letter_on_expiration=True,
        duplicate_detection_window=DUPLICATES,
        requires_session=bool(values["queue.ordered"]),
    )
    return EmulatorSettings(queues=[queue], max_message_size=max(262_144, int(values["queue.max_message"])))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "APP_"))}


class _Ready(msgspec.Struct, frozen=True):
    """What the emulator writes to a file as soon as it listens."""

    port: int
    connection_string: str


def _read(ready: Path) -> _Ready:
    return msgspec.json.decode(ready.read_bytes(), type=_Ready)


def _answers(ready: Path) -> bool:
    """Whether it speaks AMQP."""
    if not ready.is_file():
        return False
    try:
        with socket.create_connection((LOOPBACK, _read(ready).port), timeout=5) as connection:
            connection.sendall(AMQP)
            return connection.recv(len(AMQP), socket.MSG_WAITALL) == AMQP
    except OSError:
        return False


def _running(facts: Facts, found: _Ready, child: Child, log: Path) -> Running:
    return Running(
        name="servicebus",
        title="Service Bus (emulator)",
        address=f"amqp://{LOOPBACK}:{found.port}",
        resources={"queue": facts.service, "dead letters": f"{facts.service}/$deadletterqueue"},
        settings={
            "APP_QUEUE_CONNECTION_STRING": found.connection_string,
            "APP_QUEUE_NAMESPACE": "",
            "APP_QUEUE_NAME": facts.service,
        },
        removed=_REMOVED,
        notes=(),
        child=child,
        log=log,
    )
