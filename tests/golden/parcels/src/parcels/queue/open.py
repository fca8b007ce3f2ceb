"""Chooses the adapter."""

from ..settings import Settings
from .memory import MemoryQueue
from .port import Queue


def open_queue(settings: Settings) -> Queue:
    """The broker that the settings name; without one a queue within this process.

    Adapters connect when they are first used, so this neither waits nor fails.
    """
    if settings.queue_namespace or settings.queue_connection_string:
        # The SDK is loaded only where there is a broker.
        from .service_bus import ServiceBusQueue  # noqa: PLC0415 see above
        from .service_bus_sessions import ServiceBusSessionQueue  # noqa: PLC0415 see above

        adapter = ServiceBusSessionQueue if settings.queue_ordered else ServiceBusQueue
        return adapter(
            settings.queue_namespace,
            settings.queue_name,
            lock_seconds=settings.queue_visibility_seconds,
            connection_string=settings.queue_connection_string,
        )
    return MemoryQueue(settings.queue_visibility_seconds, ordered=settings.queue_ordered)
