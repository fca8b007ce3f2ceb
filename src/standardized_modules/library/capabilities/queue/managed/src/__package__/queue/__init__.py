"""The queue: a port, an adapter within the process, and the broker's."""

from .open import open_queue
from .port import (
    RESERVED_BYTES,
    BrokerUnavailable,
    DeadLetter,
    LockLost,
    Message,
    OutgoingMessage,
    Queue,
    QueueStats,
)

__all__ = [
    "RESERVED_BYTES",
    "BrokerUnavailable",
    "DeadLetter",
    "LockLost",
    "Message",
    "OutgoingMessage",
    "Queue",
    "QueueStats",
    "open_queue",
]
