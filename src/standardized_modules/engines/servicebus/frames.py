"""Frames and the performatives that they carry
(https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from standardized_modules.engines.servicebus import codec
from standardized_modules.engines.servicebus.codec import (
    Array,
    Described,
    MalformedError,
    Symbol,
    UByte,
    UInt,
    ULong,
    UShort,
)

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
AMQP, SASL = 0, 1

_FRAME = struct.Struct(">IBBH")

SENDER, RECEIVER = False, True  # a link's role, as attach and disposition spell it
SETTLED = 1  # snd-settle-mode: what is sent needs no settling

# Outcomes of a delivery, by descriptor.
ACCEPTED, REJECTED, RELEASED, MODIFIED = 0x24, 0x25, 0x26, 0x27
_SOURCE, _TARGET, _ERROR = 0x28, 0x29, 0x1D


class Performative:
    """What a frame says. Subclasses give the descriptor and the wire type of each field, in the order of the wire."""

    __slots__: tuple[str, ...] = ()
    CODE: ClassVar[int]
    WIRE: ClassVar[tuple[type | None, ...]]
    MANDATORY: ClassVar[tuple[str, ...]] = ()


@dataclass(slots=True)
class Open(Performative):
    """The first performative of a connection."""

    CODE: ClassVar[int] = 0x10
    WIRE: ClassVar = (str, str, UInt, UShort, UInt, None, None, None, None, dict)
    MANDATORY: ClassVar = ("container_id",)

    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: object = None
    incoming_locales: object = None
    offered_capabilities: object = None
    desired_capabilities: object = None
    properties: dict[object, object] | None = None


@dataclass(slots=True)
class Begin(Performative):
    """Starts a session on a channel."""

    CODE: ClassVar[int] = 0x11
    WIRE: ClassVar = (UShort, UInt, UInt, UInt, UInt, None, None, dict)
    MANDATORY: ClassVar = ("next_outgoing_id", "incoming_window", "outgoing_window")

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: object = None
    desired_capabilities: object = None
    properties: dict[object, object] | None = None


@dataclass(slots=True)
class Attach(Performative):
    """Starts a link of a session."""

    CODE: ClassVar[int] = 0x12
    WIRE: ClassVar = (str, UInt, bool, UByte, UByte, Described, Described, dict, bool, UInt, ULong, None, None, dict)
    MANDATORY: ClassVar = ("name", "handle", "role")

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Described | None = None
    target: Described | None = None
    unsettled: dict[object, object] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: object = None
    desired_capabilities: object = None
    properties: dict[object, object] | None = None


@dataclass(slots=True)
class Flow(Performative):
    """Windows of the session and, with a handle, the credit of one link."""

    CODE: ClassVar[int] = 0x13
    WIRE: ClassVar = (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, bool, bool, dict)
    MANDATORY: ClassVar = ("incoming_window", "next_outgoing_id", "outgoing_window")

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict[object, object] | None = None


@dataclass(slots=True)
class Transfer(Performative):
    """A message or a part of it. The payload follows behind the performative."""

    CODE: ClassVar[int] = 0x14
    WIRE: ClassVar = (UInt, UInt, bytes, UInt, bool, bool, UByte, Described, bool, bool, bool)
    MANDATORY: ClassVar = ("handle",)

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Described | None = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Disposition(Performative):
    """What became of deliveries."""

    CODE: ClassVar[int] = 0x15
    WIRE: ClassVar = (bool, UInt, UInt, bool, Described, bool)
    MANDATORY: ClassVar = ("role", "first")

    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Described | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Detach(Performative):
    """Ends a link."""

    CODE: ClassVar[int] = 0x16
    WIRE: ClassVar = (UInt, bool, Described)
    MANDATORY: ClassVar = ("handle",)

    handle: int
    closed: bool | None = None
    error: Described | None = None


@dataclass(slots=True)
class End(Performative):
    """Ends a session."""

    CODE: ClassVar[int] = 0x17
    WIRE: ClassVar = (Described,)

    error: Described | None = None


@dataclass(slots=True)
class Close(Performative):
    """Ends the connection."""

    CODE: ClassVar[int] = 0x18
    WIRE: ClassVar = (Described,)

    error: Described | None = None


@dataclass(slots=True)
class SaslMechanisms(Performative):
    """What the server offers."""

    CODE: ClassVar[int] = 0x40
    WIRE: ClassVar = (Array,)

    mechanisms: Array


@dataclass(slots=True)
class SaslInit(Performative):
    """What the client chose."""

    CODE: ClassVar[int] = 0x41
    WIRE: ClassVar = (Symbol, bytes, str)
    MANDATORY: ClassVar = ("mechanism",)

    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True)
class SaslOutcome(Performative):
    """Whether the client is let in; 0 is yes."""

    CODE: ClassVar[int] = 0x44
    WIRE: ClassVar = (UByte, bytes)
    MANDATORY: ClassVar = ("code",)

    code: int
    additional_data: bytes | None = None


_KINDS: dict[int, type[Performative]] = {
    kind.CODE: kind
    for kind in (Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close, SaslInit, SaslOutcome)
}


def encode_performative(performative: Performative) -> bytes:
    """Write a performative with all its fields: some clients read them by position and count on them."""
    items = []
    for name, wire in zip(performative.__slots__, performative.WIRE, strict=True):
        value = getattr(performative, name)
        items.append(codec.encode(value if value is None or wire is None or type(value) is wire else wire(value)))
    return codec.encode_described(performative.CODE, codec.encode_list(items))


def encode_frame(channel: int, performative: Performative, payload: bytes = b"", kind: int = AMQP) -> bytes:
    """Write a frame."""
    body = encode_performative(performative)
    # 2 is the data offset: an 8-byte header in words of 4 bytes.
    return _FRAME.pack(8 + len(body) + len(payload), 2, kind, channel) + body + payload


def decode_body(body: bytes) -> tuple[Performative, bytes]:
    """Read what a frame carries: the performative and the payload behind it."""
    described, end = codec.decode(body)
    if not isinstance(described, Described) or not isinstance(described.value, list):
        raise MalformedError("a frame without a performative")
    kind = _KINDS.get(described.descriptor) if isinstance(described.descriptor, int) else None
    if kind is None:
        raise MalformedError(f"{described.descriptor!r} is no performative")
    values = described.value[: len(kind.WIRE)]
    for value, wire in zip(values, kind.WIRE, strict=False):
        if value is not None and wire is not None and not isinstance(value, _PYTHON.get(wire, wire)):
            raise MalformedError(f"{kind.__name__} with a {type(value).__name__} for a {wire.__name__}")
    try:
        performative = kind(*values)
    except TypeError as problem:
        raise MalformedError(f"{kind.__name__} lacks fields") from problem
    missing = [name for name in kind.MANDATORY if getattr(performative, name) is None]
    if missing:
        raise MalformedError(f"{kind.__name__} lacks {', '.join(missing)}")
    return performative, body[end:]


_PYTHON: dict[type, type] = {UByte: int, UShort: int, UInt: int, ULong: int, Symbol: str, Array: list}


def read_frame(buffer: bytearray, max_frame_size: int) -> tuple[int, int, bytes] | None:
    """Take a frame off the front of the buffer: its kind, its channel, its body. None when it is not complete."""
    if len(buffer) < 8:
        return None
    size, offset, kind, channel = _FRAME.unpack_from(buffer)
    if not 8 <= size <= max_frame_size or not 8 <= offset * 4 <= size:
        raise MalformedError(f"a frame of {size} bytes, with its body at {offset * 4}")
    if len(buffer) < size:
        return None
    body = bytes(buffer[offset * 4 : size])
    del buffer[:size]
    return kind, channel, body


def error(condition: str, description: str) -> Described:
    """An error, as detach, end, close and rejected carry it."""
    return Described(ULong(_ERROR), [Symbol(condition), description, None])


def outcome(code: int, *fields: object) -> Described:
    """The state of a delivery that is over."""
    return Described(ULong(code), list(fields))


def fields_of(value: object, count: int) -> list[object]:
    """The fields of a described list, such as a source, filled up with null to `count`."""
    found = list(value.value) if isinstance(value, Described) and isinstance(value.value, list) else []
    return found + [None] * (count - len(found))


def source(address: object, filters: dict[object, object] | None = None) -> Described:
    """Where messages of a link come from."""
    return Described(ULong(_SOURCE), [address, None, None, None, None, None, None, filters, None, None, None])


def target(address: object) -> Described:
    """Where messages of a link go."""
    return Described(ULong(_TARGET), [address, None, None, None, None, None, None])
