"""Messages as Service Bus carries them, and what copies of ours say about their first send.

A message cannot be given back with a delay, so a retry is a scheduled copy. The copy has a message
id of its own: with that of the message, duplicate detection would drop it without a word, and the
task would be lost when the message is completed.
"""

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.amqp import AmqpMessageBodyType

from .port import DeadLetter, Message, OutgoingMessage

FIRST_ID, FIRST_SENT_AT, DELIVERIES_BEFORE = "first_id", "first_sent_at", "deliveries_before"
REASON, DESCRIPTION = "DeadLetterReason", "DeadLetterErrorDescription"
"""Service Bus adds them when it moves a message."""
NOT_ATTRIBUTES = frozenset({FIRST_ID, FIRST_SENT_AT, DELIVERIES_BEFORE, REASON, DESCRIPTION})
MAX_ID = 128
"""Characters of a message id; the SDK refuses a longer one."""
MAX_DESCRIPTION = 1024
"""Characters, of 4096 allowed: the whole of a traceback belongs into the log."""


@dataclass(slots=True)
class Receipt:
    """What a message is settled with: the message of the SDK, at the receiver that it came by."""

    found: ServiceBusReceivedMessage
    receiver: ServiceBusReceiver
    answered: bool = False

    @property
    def expired(self) -> bool:
        """Whether others may have the message by now."""
        # Of an ordered queue, the whole session is locked. Mistyped in the SDK: it may be None.
        session: Any = self.receiver.session
        until = (session or self.found).locked_until_utc
        return self.answered or until is None or until <= datetime.now(UTC)


def decode(found: ServiceBusReceivedMessage, receiver: ServiceBusReceiver) -> Message:
    """A received message; copies count on where the message before them ended."""
    properties = _properties(found)
    return Message(
        id=first_id(found),
        body=_body(found),
        attributes=_attributes(properties),
        delivery_count=_deliveries(found, properties),
        sent_at=_sent_at(found, properties),
        receipt=Receipt(found, receiver),
        group=found.session_id,
    )


def decode_dead_letter(found: ServiceBusReceivedMessage) -> DeadLetter:
    """A dead letter: of ours, or one that Service Bus moved by itself."""
    properties = _properties(found)
    return DeadLetter(
        id=first_id(found),
        body=_body(found),
        attributes=_attributes(properties),
        reason=found.dead_letter_reason or "",
        description=found.dead_letter_error_description or "",
        delivery_count=_deliveries(found, properties),
        sent_at=_sent_at(found, properties),
    )


def encode(message: OutgoingMessage, *, ordered: bool) -> ServiceBusMessage:
    """A message for the SDK. Raises ValueError for what the queue would refuse."""
    if bool(message.group) != ordered:
        raise ValueError("an ordered queue needs a group with each message, others take none")
    if ordered and message.delay_seconds:
        raise ValueError("an ordered queue delays no single message: its group would wait")
    later = {FIRST_SENT_AT: f"{time.time():.3f}"} if message.delay_seconds else {}
    return _outgoing(
        message.body,
        {**message.attributes, **later},
        message.deduplication_id or str(uuid4()),
        message.group,
        message.delay_seconds,
    )


def retry_copy(message: Message, delay_seconds: float) -> ServiceBusMessage:
    """The message again, later. Repeating the same call gives the same id, and so one copy."""
    history = {
        FIRST_ID: message.id,
        FIRST_SENT_AT: f"{message.sent_at:.3f}",
        DELIVERIES_BEFORE: str(message.delivery_count),
    }
    return _outgoing(
        message.body,
        {**message.attributes, **history},
        _derived_id(f"{message.id}/{message.delivery_count}"),
        message.group,
        delay_seconds,
    )


def redrive_copy(found: ServiceBusReceivedMessage) -> ServiceBusMessage:
    """A dead letter as a new message; its number in the dead-letter queue makes the id new."""
    attributes = _attributes(_properties(found))
    message_id = _derived_id(f"{_id(found)}/redrive/{found.sequence_number}")
    return _outgoing(_body(found), attributes, message_id, found.session_id, 0)


def first_id(found: ServiceBusReceivedMessage) -> str:
    """The id of the message that this is a copy of, or its own."""
    return _properties(found).get(FIRST_ID) or _id(found)


def _id(found: ServiceBusReceivedMessage) -> str:
    """The producer's; AMQP allows numbers, and none: then its place in the queue is unique."""
    own: object = found.message_id
    return f"sequence-{found.sequence_number}" if own is None or own == "" else _text(own)


def _derived_id(text: str) -> str:
    """An id made from another one: the ids of producers may be as long as ids can be."""
    return text if len(text) <= MAX_ID else hashlib.sha256(text.encode()).hexdigest()


def _outgoing(
    body: bytes,
    attributes: Mapping[str, str],
    message_id: str,
    group: str | None,
    delay_seconds: float,
) -> ServiceBusMessage:
    due = datetime.now(UTC) + timedelta(seconds=delay_seconds) if delay_seconds > 0 else None
    return ServiceBusMessage(
        body,
        application_properties=dict(attributes.items()),
        message_id=message_id,
        session_id=group,
        scheduled_enqueue_time_utc=due,
        content_type="application/json",
    )


def _body(found: ServiceBusReceivedMessage) -> bytes:
    if found.body_type == AmqpMessageBodyType.DATA:
        return b"".join(found.body)
    return str(found.body).encode()


def _properties(found: ServiceBusReceivedMessage) -> dict[str, str]:
    return {
        _text(name): _text(value) for name, value in (found.application_properties or {}).items()
    }


def _attributes(properties: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in properties.items() if name not in NOT_ATTRIBUTES}


def _deliveries(found: ServiceBusReceivedMessage, properties: Mapping[str, str]) -> int:
    # The header counts the deliveries that failed before this one.
    return int(_number(properties.get(DELIVERIES_BEFORE), 0)) + (found.delivery_count or 0) + 1


def _sent_at(found: ServiceBusReceivedMessage, properties: Mapping[str, str]) -> float:
    enqueued = found.enqueued_time_utc
    return _number(properties.get(FIRST_SENT_AT), enqueued.timestamp() if enqueued else time.time())


def _number(text: str | None, otherwise: float) -> float:
    """Of a property that anybody may have set."""
    try:
        number = float(text or otherwise)
    except ValueError:
        return otherwise
    return number if math.isfinite(number) else otherwise


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
