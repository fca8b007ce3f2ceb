"""Chooses the adapter."""

from ..settings import Settings
from .memory import MemoryQueue
from .port import Queue


def open_queue(settings: Settings) -> Queue:
    """The broker that the settings name; without one a queue within this process.

    Adapters connect when they are first used, so this neither waits nor fails.
    """
    if settings.queue_url:
        from .sqs import SqsQueue  # noqa: PLC0415 the SDK is loaded only where there is a broker

        return SqsQueue(
            settings.queue_url,
            settings.dead_letter_queue_url,
            lock_seconds=settings.queue_visibility_seconds,
            region=settings.aws_region,
        )
    return MemoryQueue(settings.queue_visibility_seconds, ordered=settings.queue_ordered)
