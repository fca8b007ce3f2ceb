"""Asks the broker now and then how much lies in the queue, for the metrics."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..queue import BrokerUnavailable, Queue, QueueStats
from .metrics import MESSAGES, OLDEST, QUEUE_ERRORS

SECONDS = 15.0
"""Half of Prometheus' usual scrape interval, so that a sample is never older than a scrape."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def sampling(queue: Queue) -> AsyncIterator[None]:
    """Sample while the block runs."""
    sampler = asyncio.create_task(_sample(queue), name="sampler")
    try:
        yield
    finally:
        sampler.cancel()


async def _sample(queue: Queue) -> None:
    while True:
        try:
            async with asyncio.timeout(SECONDS):
                stats = await queue.stats()
        except (BrokerUnavailable, TimeoutError):
            QUEUE_ERRORS.labels("stats").inc()
            # An old number would look like a queue in which nothing happens.
            stats = QueueStats()
        except Exception:  # noqa: BLE001 a fault of the adapter must not end the sampler
            _log.exception("fault in the queue's adapter")
            stats = QueueStats()
        record(stats)
        await asyncio.sleep(SECONDS)


def record(stats: QueueStats) -> None:
    """Set the gauges; what is not known has no value."""
    counts = {
        "visible": stats.visible,
        "in_flight": stats.in_flight,
        "delayed": stats.delayed,
        "dead_letter": stats.dead_letters,
    }
    for state, number in counts.items():
        MESSAGES.labels(state).set(float("nan") if number is None else number)
    age = stats.oldest_age_seconds
    OLDEST.set(float("nan") if age is None else age)
