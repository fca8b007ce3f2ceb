"""The protobuf wire format (https://protobuf.dev/programming-guides/encoding/), the part that plugin protocol 6 uses.

Writing it out costs these lines and saves a code generator, generated modules and a pinned protobuf runtime.
"""

from collections.abc import Iterator

_VARINT, _LENGTH = 0, 2

Value = bytes | int
Fields = dict[int, list[Value]]


class MalformedMessageError(ValueError):
    """Bytes that are not a protobuf message."""


def varint(number: int) -> bytes:
    """Base-128, least significant group first."""
    if number < 0:
        number += 1 << 64  # protobuf writes a negative int64 as its two's complement
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(number: int, value: str) -> bytes:
    """A string field; proto3 leaves the empty string out."""
    return message(number, value.encode()) if value else b""


def octets(number: int, value: bytes) -> bytes:
    """A bytes field; proto3 leaves it out when empty."""
    return message(number, value) if value else b""


def integer(number: int, value: int) -> bytes:
    """An int64, enum or bool field; proto3 leaves zero out."""
    return varint(number << 3 | _VARINT) + varint(value) if value else b""


def member(number: int, value: int) -> bytes:
    """An integer that is a member of a `oneof`: written even when it is zero, because its presence is its meaning."""
    return varint(number << 3 | _VARINT) + varint(value)


def message(number: int, value: bytes) -> bytes:
    """An embedded message: written even when it is empty."""
    return varint(number << 3 | _LENGTH) + varint(len(value)) + value


def parse(buffer: bytes) -> Fields:
    """All fields by number, in order of appearance."""
    fields: Fields = {}
    for number, value in _walk(buffer):
        fields.setdefault(number, []).append(value)
    return fields


def first(fields: Fields, number: int) -> bytes:
    """A bytes, string or message field, empty when absent."""
    value = fields.get(number, [b""])[0]
    if not isinstance(value, bytes):
        raise MalformedMessageError(f"field {number} is a number")
    return value


def _walk(buffer: bytes) -> Iterator[tuple[int, Value]]:
    position = 0
    while position < len(buffer):
        key, position = _read_varint(buffer, position)
        match key & 7:
            case 0:
                number, position = _read_varint(buffer, position)
                yield key >> 3, number
                continue
            case 1:
                size = 8
            case 2:
                size, position = _read_varint(buffer, position)
            case 5:
                size = 4
            case other:
                raise MalformedMessageError(f"wire type {other}")
        if position + size > len(buffer):
            raise MalformedMessageError("cut short")
        yield key >> 3, buffer[position : position + size]
        position += size


def _read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if position >= len(buffer):
            raise MalformedMessageError("cut short")
        byte = buffer[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise MalformedMessageError("a varint of more than ten bytes")
