"""What the contract is checked against: the queue in the process, or the broker of the environment.

`make test` does the former, `make test-broker` the latter: then everything in that queue is lost.
"""

import os
from collections.abc import AsyncIterator

import pytest

from invoices.idempotency_keys import (
    IdempotencyStore,
    MemoryIdempotencyStore,
    open_idempotency_store,
)
from invoices.queue import RESERVED_BYTES, Queue, open_queue
from invoices.queue.memory import MemoryQueue
from invoices.settings import Settings, load_settings

from .messages import Messages

WITH_BROKER = os.environ.get("TEST_BROKER") == "1"
# Read when this is imported: before the first test, variables of the shell are put away.
SETTINGS = load_settings() if WITH_BROKER else Settings(queue_visibility_seconds=1)
ORDERED = [SETTINGS.queue_ordered] if WITH_BROKER else [False, True]
collect_ignore = [] if True in ORDERED else ["test_ordered_queue.py"]


@pytest.fixture(params=ORDERED, ids=lambda ordered: "ordered" if ordered else "unordered")
def ordered(request: pytest.FixtureRequest) -> bool:
    """Whether the queue keeps the order of groups."""
    return bool(request.param)


@pytest.fixture
async def queue(ordered: bool) -> AsyncIterator[Queue]:
    """A queue without dead letters; what other tests left in it is skipped by `Messages`."""
    opened = open_queue(SETTINGS.model_copy(update={"queue_ordered": ordered}))
    assert isinstance(opened, MemoryQueue) != WITH_BROKER, "the environment names no broker"
    # To look is quick on Service Bus, where to find that there is nothing to take needs seconds.
    if await opened.dead_letters(1):
        await opened.purge_dead_letters()
    yield opened
    await opened.close()


@pytest.fixture
def max_bytes() -> int:
    """Of the body and the attributes of a message, which is then as large as messages can be."""
    return SETTINGS.queue_max_message_bytes - RESERVED_BYTES


@pytest.fixture
def messages(queue: Queue, ordered: bool) -> Messages:
    """The messages of this test, each in a group of its own when the queue is ordered."""
    return Messages(queue, ordered=ordered)


@pytest.fixture
async def store() -> AsyncIterator[IdempotencyStore]:
    """A store that forgets after two seconds."""
    opened = open_idempotency_store(SETTINGS.model_copy(update={"idempotency_ttl_seconds": 2}))
    no_table = isinstance(opened, MemoryIdempotencyStore)
    assert no_table != WITH_BROKER, "the environment names no table of idempotency keys"
    yield opened
    await opened.close()
