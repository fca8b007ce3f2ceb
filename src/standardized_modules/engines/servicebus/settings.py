"""What a queue is told when it is declared, with the defaults of Service Bus."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml
from msgspec import Struct


class QueueSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A queue. Times are seconds."""

    name: str
    lock_duration: float = 60.0
    """How long a message, or a session, stays with a receiver that says nothing. At most 300."""
    max_delivery_count: int = 10
    """Deliveries without success after which a message becomes a dead letter."""
    time_to_live: float | None = None
    """Longest time that messages wait; they may ask for less. None is no limit."""
    dead_letter_on_expiration: bool = False
    """Whether messages that waited too long become dead letters, rather than vanish."""
    duplicate_detection_window: float | None = None
    """How long message ids are remembered to drop duplicates. None is off."""
    requires_session: bool = False
    """Whether each message belongs to a session, whose messages go to one receiver at a time, in order."""

    def __post_init__(self) -> None:
        if not self.name or self.name.strip("/") != self.name or "$" in self.name:
            raise ValueError(f"{self.name!r} is no name for a queue")
        if not 0 < self.lock_duration <= 300:  # the limit of Service Bus
            raise ValueError("lock_duration is more than 0 and at most 300 seconds")
        if not 1 <= self.max_delivery_count <= 2000:  # the limits of Service Bus
            raise ValueError("max_delivery_count is 1 to 2000")
        for name in ("time_to_live", "duplicate_detection_window"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is more than 0 seconds")


class EmulatorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The contents of a configuration file."""

    queues: list[QueueSettings]
    max_message_size: int = 262_144
    """Bytes: 256 KiB is what the Standard tier takes."""


def read_settings(path: Path) -> EmulatorSettings:
    """Read a configuration file, YAML or JSON.

    Raises:
        ValueError: It is not readable as one.
    """
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), EmulatorSettings)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as problem:
        raise ValueError(f"{path}: {problem}") from problem
