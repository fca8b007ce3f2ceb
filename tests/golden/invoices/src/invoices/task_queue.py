"""Enqueues tasks, from any process of this service.

    await tasks.enqueue(SendInvoice(invoice_id="17", email="a@example.com"), key="invoice-17")

Other services send the same message themselves: the payload as JSON, the attribute `task`, and
`idempotency_key`, 1 to 128 visible ASCII characters. What becomes of one without it, or with a key
that could be none, stands in worker/envelope.py.
"""

from uuid import uuid4

from pydantic import BaseModel

from .queue import RESERVED_BYTES, OutgoingMessage, Queue
from .settings import Settings
from .worker.envelope import KEY, attributes, size_of, valid_key
from .worker.registry import Registry
from .worker.spans import outgoing

MAX_DELAY_SECONDS = 900.0
"""What SQS allows. Something that is due later belongs in a schedule."""


class NotEnqueuedError(ValueError):
    """The queue would not take this task; it was not sent."""


class TaskQueue:
    """The producer's side of the queue."""

    def __init__(self, queue: Queue, registry: Registry, settings: Settings) -> None:
        self.queue = queue
        self.registry = registry
        self.max_bytes = settings.queue_max_message_bytes - RESERVED_BYTES
        self.ordered = settings.queue_ordered

    async def enqueue(
        self,
        payload: BaseModel,
        *,
        key: str | None = None,
        delay: float = 0.0,
        group: str | None = None,
    ) -> str:
        """Enqueue the task that takes this payload; returns its idempotency key.

        A task with a key that was done before is not executed again; give one that says what the
        work is, and sending it twice does no harm. `delay` is in seconds. `group` is for ordered
        queues, which need one with each task. Raises NotEnqueuedError for what the queue would not
        take, a key that could be none among it; and BrokerUnavailable, and then it may have been
        sent or not: send it again, with the same key.
        """
        # Only without a key: an empty one is a mistake of the caller, who counts on it.
        message = self._message(payload, uuid4().hex if key is None else key, delay, group)
        try:
            await self.queue.send([message])
        except ValueError as error:
            raise NotEnqueuedError(str(error)) from error
        return message.attributes[KEY]

    async def enqueue_json(
        self,
        name: str,
        payload: bytes | str,
        *,
        key: str | None = None,
        delay: float = 0.0,
        group: str | None = None,
    ) -> str:
        """The same for a task by its name and a payload that is JSON; it is validated first."""
        model: BaseModel = self.registry.named(name).payload.model_validate_json(payload)
        return await self.enqueue(model, key=key, delay=delay, group=group)

    def _message(
        self, payload: BaseModel, key: str, delay: float, group: str | None
    ) -> OutgoingMessage:
        task = self.registry.taking(type(payload))
        for name, value in {"key": key, "group": group}.items():
            if value is not None and not valid_key(value):
                raise NotEnqueuedError(f"the {name} has to be 1 to 128 visible ASCII characters")
        if self.ordered and group is None:
            raise NotEnqueuedError("the queue is ordered: say which group the task belongs to")
        if self.ordered and delay:
            raise NotEnqueuedError("the queue is ordered: a delayed task would hold up its group")
        if not self.ordered and group is not None:
            raise NotEnqueuedError("the queue is not ordered: it has no groups")
        if not 0 <= delay <= MAX_DELAY_SECONDS:
            raise NotEnqueuedError(f"the delay has to be 0 to {MAX_DELAY_SECONDS:g} seconds")
        message = OutgoingMessage(
            body=payload.model_dump_json().encode(),
            attributes=attributes(task, key, outgoing()),
            delay_seconds=delay,
            group=group,
            deduplication_id=key if self.ordered else None,
        )
        if (size := size_of(message)) > self.max_bytes:
            raise NotEnqueuedError(
                f"{task.name}: the message has {size} bytes, {self.max_bytes} are allowed; "
                "put the data into storage and its address into the message"
            )
        return message
