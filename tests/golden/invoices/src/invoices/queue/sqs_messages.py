"""Messages as SQS carries them: entries of a batch, attributes with types, limits."""

import itertools
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from .port import DeadLetter, Message, OutgoingMessage

if TYPE_CHECKING:
    from types_aiobotocore_sqs.type_defs import (
        MessageAttributeValueTypeDef,
        MessageTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
BATCH_MESSAGES = 10
BATCH_BYTES = MAX_MESSAGE_BYTES = 1_048_576
MAX_ATTRIBUTES = 10
MAX_DELAY_SECONDS = 900
MAX_HIDDEN_SECONDS = 43_200
"""Twelve hours after it was received, a message becomes visible whatever anybody says."""

REASON, DESCRIPTION = "dead_letter_reason", "dead_letter_description"
FIRST_ID, SENT_AT, DELIVERIES = "first_id", "sent_at", "delivery_count"
STRING = "String"
DEAD_LETTER_ATTRIBUTES = frozenset({REASON, DESCRIPTION, FIRST_ID, SENT_AT, DELIVERIES})
"""With the five of a task they are the ten that SQS carries."""
MAX_DESCRIPTION = 1024
"""Characters: the end of a traceback says what happened, the whole of it belongs into the log."""

# What XML 1.0 has no way to write; SQS refuses it in bodies and attributes.
NOT_ALLOWED = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Receipt:
    """What a message is answered with, and until when it is ours."""

    handle: str
    received_at: float
    """By the monotonic clock, like the next one."""
    hidden_until: float

    @property
    def expired(self) -> bool:
        """Whether others may have the message by now."""
        return time.monotonic() >= self.hidden_until

    def give_up(self) -> None:
        """Answered: it is not ours from now on."""
        self.hidden_until = 0

    def seconds_left(self, wanted: float) -> int:
        """The next visibility timeout: whole seconds, rounded up, within what SQS allows in all."""
        limit = MAX_HIDDEN_SECONDS - math.ceil(time.monotonic() - self.received_at)
        return max(0, min(math.ceil(wanted), limit))


def decode(found: "MessageTypeDef", hidden_seconds: float) -> Message:
    """A received message. It is hidden since it came, not since it was asked for."""
    now = time.monotonic()
    system = found.get("Attributes", {})
    return Message(
        id=found.get("MessageId", ""),
        body=found.get("Body", "").encode(),
        attributes=_texts(found),
        delivery_count=int(system.get("ApproximateReceiveCount", "1")),
        sent_at=int(system.get("SentTimestamp", "0")) / 1000,
        receipt=Receipt(found.get("ReceiptHandle", ""), now, now + hidden_seconds),
        group=system.get("MessageGroupId"),
    )


def decode_dead_letter(found: "MessageTypeDef") -> DeadLetter:
    """A dead letter of ours, or one that SQS moved by itself after too many receives."""
    message = decode(found, 0)
    ours = message.attributes
    moved = "DeadLetterQueueSourceArn" in found.get("Attributes", {}) and REASON not in ours
    return DeadLetter(
        id=message_id(found),
        body=message.body,
        attributes=without_dead_letter(ours),
        reason="never_answered" if moved else ours.get(REASON, ""),
        description=(
            "SQS moved it: every worker that received it died, or lost it, before it answered"
            if moved
            else ours.get(DESCRIPTION, "")
        ),
        delivery_count=int(_number(ours.get(DELIVERIES), message.delivery_count)),
        sent_at=_number(ours.get(SENT_AT), message.sent_at),
    )


def message_id(found: "MessageTypeDef") -> str:
    """What the message of a dead letter had for an id, by which logs speak of it.

    The copy in the dead-letter queue has one of its own; a letter that SQS moved has kept it.
    """
    return _texts(found).get(FIRST_ID) or found.get("MessageId", "")


def dead_letter_attributes(message: Message, reason: str, description: str) -> dict[str, str]:
    """Of the copy in the dead-letter queue. Ours come first: a poison message may bring ten."""
    ours = {
        REASON: reason,
        DESCRIPTION: description[-MAX_DESCRIPTION:],
        FIRST_ID: message.id,
        SENT_AT: f"{message.sent_at:.3f}",
        DELIVERIES: str(message.delivery_count),
    }
    every = {**ours, **without_dead_letter(message.attributes)}
    chosen = dict(itertools.islice(every.items(), MAX_ATTRIBUTES))
    # A message as large as SQS takes has no room for a reason. Ours keep some free, others may not.
    # The log has it; without one it is still set aside, where refusing it would bring it back again
    # and again.
    fits = _size_of(message.body.decode(), chosen) <= MAX_MESSAGE_BYTES
    return chosen if fits else dict(message.attributes)


def without_dead_letter(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes that the message was sent with."""
    return {name: text for name, text in attributes.items() if name not in DEAD_LETTER_ATTRIBUTES}


def encode(message: OutgoingMessage, *, ordered: bool) -> "SendMessageBatchRequestEntryTypeDef":
    """An entry of a batch, still without its id. Raises ValueError for what SQS would refuse."""
    if len(message.attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"SQS carries {MAX_ATTRIBUTES} attributes, not {len(message.attributes)}")
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": "",
        "MessageBody": message.body.decode(),
        "MessageAttributes": {
            name: _attribute(text) for name, text in message.attributes.items() if text
        },
    }
    if ordered:
        if not message.group:
            raise ValueError("a message of an ordered queue needs a group")
        if message.delay_seconds:
            raise ValueError("an ordered queue delays no single message: its group would wait")
        entry["MessageGroupId"] = message.group
        # Without one of the producer's it still recognises our own repetition after a lost answer.
        entry["MessageDeduplicationId"] = message.deduplication_id or str(uuid4())
    elif message.group:
        raise ValueError("only an ordered queue has groups")
    elif message.delay_seconds:
        if message.delay_seconds > MAX_DELAY_SECONDS:
            raise ValueError(f"SQS delays a message by {MAX_DELAY_SECONDS} seconds at most")
        entry["DelaySeconds"] = math.ceil(message.delay_seconds)
    return entry


def batches(
    entries: Iterable["SendMessageBatchRequestEntryTypeDef"],
) -> Iterator[list["SendMessageBatchRequestEntryTypeDef"]]:
    """Entries in as few requests as the limits allow, in their order.

    A request holds one message of a group at most: entries fail one by one, and a message must not
    overtake the one before it in its group because that one failed.
    """
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    groups: set[str] = set()
    room = BATCH_BYTES
    for entry in entries:
        size, group = _size(entry), entry.get("MessageGroupId")
        if batch and (size > room or len(batch) == BATCH_MESSAGES or group in groups):
            yield batch
            batch, groups, room = [], set(), BATCH_BYTES
        batch.append({**entry, "Id": str(len(batch))})
        room -= size
        if group is not None:
            groups.add(group)
    if batch:
        yield batch


def _attribute(text: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": STRING, "StringValue": NOT_ALLOWED.sub("\ufffd", text)}


def _texts(found: "MessageTypeDef") -> dict[str, str]:
    attributes = found.get("MessageAttributes", {}).items()
    return {name: value["StringValue"] for name, value in attributes if "StringValue" in value}


def _size(entry: "SendMessageBatchRequestEntryTypeDef") -> int:
    """Bytes as SQS counts them: body, and name, type and value of every attribute."""
    attributes = entry.get("MessageAttributes", {})
    values = {name: value.get("StringValue", "") for name, value in attributes.items()}
    return _size_of(entry["MessageBody"], values)


def _size_of(body: str, attributes: Mapping[str, str]) -> int:
    """All of ours have the same type."""
    sizes = (
        len(name.encode()) + len(STRING) + len(text.encode()) for name, text in attributes.items()
    )
    return len(body.encode()) + sum(sizes)


def _number(text: str | None, otherwise: float) -> float:
    """Of an attribute that anybody may have set."""
    try:
        return float(text or otherwise)
    except ValueError:
        return otherwise
