"""Messages as they come and go: sections that the broker reads, and bytes that it passes on untouched."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from standardized_modules.engines.servicebus import codec
from standardized_modules.engines.servicebus.codec import MalformedError, Timestamp, UByte, UInt

BATCH_FORMAT = 0x80013700
"""The message format of Microsoft that stands for a batch: each data section is a message."""

# Sections, by descriptor.
_HEADER, _DELIVERY_ANNOTATIONS, _MESSAGE_ANNOTATIONS, _PROPERTIES = 0x70, 0x71, 0x72, 0x73
_APPLICATION_PROPERTIES, _DATA, _VALUE, _FOOTER = 0x74, 0x75, 0x77, 0x78

# Positions in the properties section.
MESSAGE_ID, CORRELATION_ID, REPLY_TO, GROUP_ID = 0, 5, 4, 10

SCHEDULED = "x-opt-scheduled-enqueue-time"
_UINT_MAX = 2**32 - 1
_YEAR_9999 = 253_402_300_799_999  # its last millisecond, where the clocks of clients end
# What the broker itself says in the annotations of a message that it hands out. A sender that forwards a message it
# received sends them along; they must not stay.
_OURS = (
    "x-opt-enqueued-time",
    "x-opt-sequence-number",
    "x-opt-locked-until",
    "x-opt-message-state",
    "x-opt-enqueue-sequence-number",
    "x-opt-lock-token",
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a sender sent."""

    message_id: str | None
    session_id: str | None
    time_to_live: float | None
    """Seconds, from the header."""
    scheduled_for: float | None
    """UNIX seconds at which it shall be enqueued."""
    durable: bool
    priority: int
    annotations: dict[str, bytes] = field(repr=False)
    """Message annotations, their values encoded."""
    properties: bytes = field(repr=False)
    """The encoded properties section, or nothing."""
    application_properties: dict[str, bytes] = field(repr=False)
    """Their values encoded."""
    body: bytes = field(repr=False)
    """The encoded sections of the body, and the footer."""


def parse(data: bytes) -> Content:
    """Take a message apart.

    Raises:
        MalformedError: It is none.
    """
    header: list[object] = []
    annotations: dict[str, bytes] = {}
    application_properties: dict[str, bytes] = {}
    properties = body = b""
    for code, start, value, end in _sections(data):
        if code == _HEADER:
            header = codec.decode_list(data, value)[0]
        elif code == _MESSAGE_ANNOTATIONS:
            annotations = codec.raw_map(data, value)
        elif code == _PROPERTIES:
            properties = codec.encode_described(_PROPERTIES, data[value:end])
        elif code == _APPLICATION_PROPERTIES:
            application_properties = codec.raw_map(data, value)
        elif code != _DELIVERY_ANNOTATIONS:  # those are for one hop, and it ends here
            body += data[start:end]
    for name in _OURS:
        annotations.pop(name, None)
    due = annotations.get(SCHEDULED)
    scheduled = _number(codec.decode(due)[0] if due else None, _YEAR_9999)
    time_to_live = _number(header[2] if len(header) > 2 else None, _UINT_MAX)
    priority = _number(header[1] if len(header) > 1 else None, 255)
    message_id, session_id = _identifiers(properties)
    return Content(
        message_id=message_id,
        session_id=session_id,
        time_to_live=None if time_to_live is None else time_to_live / 1000,
        scheduled_for=None if scheduled is None else scheduled / 1000,
        durable=bool(header[0]) if header else False,
        priority=4 if priority is None else priority,  # the default of AMQP
        annotations=annotations,
        properties=properties,
        application_properties=application_properties,
        body=body,
    )


def render(
    content: Content,
    *,
    delivery_count: int,
    annotations: dict[str, bytes],
    application_properties: dict[str, bytes],
) -> bytes:
    """Put a message together again, with what the broker adds."""
    ttl = None if content.time_to_live is None else UInt(round(content.time_to_live * 1000))
    header = [content.durable, UByte(content.priority), ttl, None, UInt(delivery_count)]
    parts = [
        codec.encode_described(_HEADER, codec.encode(header)),
        codec.encode_described(_MESSAGE_ANNOTATIONS, codec.encode_map(content.annotations | annotations)),
        content.properties,
    ]
    properties = content.application_properties | application_properties
    if properties:
        parts.append(codec.encode_described(_APPLICATION_PROPERTIES, codec.encode_map(properties, str)))
    return b"".join((*parts, content.body))


def whole(content: Content) -> bytes:
    """Put a message together as it was sent, for storing it."""
    return render(content, delivery_count=0, annotations={}, application_properties={})


def split_batch(data: bytes) -> list[bytes]:
    """Take a batch apart into encoded messages."""
    messages = []
    for code, _start, value, _end in _sections(data):
        if code == _DATA:
            message = codec.decode(data, value)[0]
            if not isinstance(message, bytes):
                raise MalformedError("a batch holds something that is no message")
            messages.append(message)
    return messages


@dataclass(frozen=True, slots=True)
class Request:
    """A message to a management node."""

    id: bytes
    """Encoded, whatever its type."""
    reply_to: str | None
    properties: dict[str, object]
    body: object


def parse_request(data: bytes) -> Request:
    """Take a request apart."""
    identifier, reply_to = b"\x40", None
    properties: dict[str, object] = {}
    body: object = None
    for code, _start, value, _end in _sections(data):
        if code == _PROPERTIES:
            items = list(codec.raw_items(data, value))
            identifier = items[MESSAGE_ID] if items else identifier
            address = codec.decode(items[REPLY_TO])[0] if len(items) > REPLY_TO else None
            reply_to = address if isinstance(address, str) else None
        elif code == _APPLICATION_PROPERTIES:
            found = codec.decode(data, value)[0]
            properties = {str(key): each for key, each in found.items()} if isinstance(found, dict) else {}
        elif code == _VALUE:
            body = codec.decode(data, value)[0]
    return Request(identifier, reply_to, properties, body)


def render_response(correlation_id: bytes, properties: dict[str, object], body: object) -> bytes:
    """Put the answer to a request together."""
    empty = codec.encode(None)
    items = [empty] * CORRELATION_ID + [correlation_id]
    return b"".join(
        (
            codec.encode_described(_PROPERTIES, codec.encode_list(items)),
            codec.encode_described(_APPLICATION_PROPERTIES, codec.encode(properties)),
            codec.encode_described(_VALUE, codec.encode(body)),
        )
    )


def timestamp(seconds: float) -> bytes:
    """An encoded point in time."""
    return codec.encode(Timestamp.of(seconds))


def _number(value: object, largest: int) -> int | None:
    """A number that can be written again, whichever type it came in."""
    return min(max(value, 0), largest) if isinstance(value, int) else None


def _identifiers(properties: bytes) -> tuple[str | None, str | None]:
    """The message's id and its session's."""
    if not properties:
        return None, None
    items = list(codec.raw_items(properties, 3))
    values = [codec.decode(items[index])[0] if len(items) > index else None for index in (MESSAGE_ID, GROUP_ID)]
    message_id, session_id = (None if value is None else str(value) for value in values)
    return message_id, session_id


def _sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """Code, start, start of the value and end of each section."""
    found = []
    position = 0
    while position < len(data):
        if data[position : position + 2] == b"\x00\x53":
            value = position + 3
            code = data[position + 2] if value < len(data) else -1
        elif data[position : position + 2] == b"\x00\x80" and position + 10 < len(data):
            value = position + 10
            code = struct.unpack_from(">Q", data, position + 2)[0]
        else:
            raise MalformedError(f"no section of a message at byte {position}")
        end = codec.skip(data, value)
        if not _HEADER <= code <= _FOOTER:
            raise MalformedError(f"0x{code:x} is no section of a message")
        found.append((code, position, value, end))
        position = end
    if not found:
        raise MalformedError("an empty message")
    return found
