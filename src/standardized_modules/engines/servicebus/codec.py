"""The AMQP 1.0 type system, both ways (https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html).

Writing it out costs this file and spares everybody a C compiler: the AMQP libraries that can play the server's part are
bindings to C code without wheels.

Decoded numbers are plain `int` and `float`: what has to keep its exact type on its way through the broker (annotations,
application properties) is never decoded but cut out as bytes, see `raw_map`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

_MAX_DEPTH = 32  # deeper than any message of a sane client; Python's own stack ends at 1,000 frames

_U16, _U32, _U64 = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")
_I8, _I16, _I32, _I64 = struct.Struct(">b"), struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")
_F32, _F64 = struct.Struct(">f"), struct.Struct(">d")


class MalformedError(ValueError):
    """Bytes that are not AMQP."""


class Symbol(str):
    """A name from a constrained domain, in ASCII."""

    __slots__ = ()


class UByte(int):
    """An integer of 0 to 255 on the wire."""


class UShort(int):
    """An integer of 16 bits without a sign on the wire."""


class UInt(int):
    """An integer of 32 bits without a sign on the wire."""


class ULong(int):
    """An integer of 64 bits without a sign on the wire."""


class Int(int):
    """An integer of 32 bits on the wire. A plain `int` is written as a long, of 64."""


class Timestamp(int):
    """Milliseconds since 1970 in UTC."""

    @classmethod
    def of(cls, seconds: float) -> Timestamp:
        """From seconds, as `time.time` counts them."""
        return cls(round(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it stands for."""

    descriptor: object
    value: object


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type, written with one constructor. All items are of the first one's type."""

    items: Sequence[object]


# Decoding. Every reader takes the buffer and the position behind the constructor and returns the value and the
# position behind it.
Reader = Callable[[bytes, int, int], tuple[object, int]]


def decode(data: bytes, position: int = 0, depth: int = 0) -> tuple[object, int]:
    """Read one value and say where the next one starts.

    Raises:
        MalformedError: There is no value at that position.
    """
    try:
        return _READERS[data[position]](data, position + 1, depth)
    except (IndexError, KeyError, struct.error, UnicodeDecodeError, TypeError) as problem:
        raise MalformedError(f"no AMQP value at byte {position}: {problem!r}") from problem


def decode_list(data: bytes, position: int = 0) -> tuple[list[object], int]:
    """Read a value that has to be a list."""
    value, end = decode(data, position)
    if not isinstance(value, list):
        raise MalformedError(f"a list is expected at byte {position}")
    return value, end


def skip(data: bytes, position: int) -> int:
    """Say where the value ends that starts at `position`, without reading it."""
    try:
        constructor = data[position]
        position += 1
        if constructor == 0x00:
            return skip(data, skip(data, position))
        # The upper half of a constructor is the kind of its size: fixed by 0x4 to 0x9, one byte below 0xB and so on.
        width = constructor >> 4
        if width in _FIXED_WIDTHS:
            end = position + _FIXED_WIDTHS[width]
        elif width in (0xA, 0xC, 0xE):
            end = position + 1 + data[position]
        elif width in (0xB, 0xD, 0xF):
            end = position + 4 + _U32.unpack_from(data, position)[0]
        else:
            raise MalformedError(f"0x{constructor:02x} is no AMQP constructor")
    except (IndexError, struct.error, RecursionError) as problem:
        raise MalformedError(f"no AMQP value at byte {position}: {problem!r}") from problem
    if end > len(data):
        raise MalformedError(f"the value at byte {position} ends beyond the buffer")
    return end


_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def raw_items(data: bytes, position: int) -> Iterator[bytes]:
    """Yield the encoded items of the list or map that starts at `position`."""
    try:
        constructor = data[position]
        if constructor == 0x45:
            return
        if constructor in (0xC0, 0xC1):
            count, position = data[position + 2], position + 3
        elif constructor in (0xD0, 0xD1):
            count, position = _U32.unpack_from(data, position + 5)[0], position + 9
        else:
            raise MalformedError(f"a list or a map is expected at byte {position}")
    except (IndexError, struct.error) as problem:
        raise MalformedError(f"no list or map at byte {position}") from problem
    for _ in range(count):
        end = skip(data, position)
        yield data[position:end]
        position = end


def raw_map(data: bytes, position: int) -> dict[str, bytes]:
    """Read a map's keys, and leave its values as they are: whatever their types, they go out as they came in."""
    items = list(raw_items(data, position))
    if len(items) % 2:
        raise MalformedError(f"the map at byte {position} has a key without a value")
    return {str(decode(key)[0]): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _constant(value: object) -> Reader:
    return lambda _data, position, _depth: (value, position)


def _fixed(layout: struct.Struct, make: Callable[[int], object] | None = None) -> Reader:
    unpack, size = layout.unpack_from, layout.size
    if make is None:
        return lambda data, position, _depth: (unpack(data, position)[0], position + size)
    return lambda data, position, _depth: (make(unpack(data, position)[0]), position + size)


def _byte(data: bytes, position: int, _depth: int) -> tuple[int, int]:
    return data[position], position + 1


def _boolean(data: bytes, position: int, _depth: int) -> tuple[bool, int]:
    return data[position] == 1, position + 1


def _cut(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    end = start + size
    if end > len(data):
        raise MalformedError(f"the value at byte {start} ends beyond the buffer")
    return data[start:end], end


def _uuid(data: bytes, position: int, _depth: int) -> tuple[UUID, int]:
    octets, end = _cut(data, position, 16)
    return UUID(bytes=octets), end


def _octets(position_of_size: int) -> Callable[[bytes, int], tuple[bytes, int]]:
    if position_of_size == 1:
        return lambda data, position: _cut(data, position + 1, data[position])
    return lambda data, position: _cut(data, position + 4, _U32.unpack_from(data, position)[0])


def _variable(width: int, make: Callable[[bytes], object]) -> Reader:
    octets = _octets(width)

    def read(data: bytes, position: int, _depth: int) -> tuple[object, int]:
        value, end = octets(data, position)
        return make(value), end

    return read


def _header(data: bytes, position: int, width: int, depth: int) -> tuple[int, int]:
    """The number of items of a compound value, and where the first one starts."""
    if depth >= _MAX_DEPTH:
        raise MalformedError(f"values are nested more than {_MAX_DEPTH} deep")
    if width == 1:
        return data[position + 1], position + 2
    count = _U32.unpack_from(data, position + 4)[0]
    # An item takes a byte or more, except in an array of null, true, zero or the empty list, which nobody sends.
    if count > len(data):
        raise MalformedError(f"{count} items do not fit into {len(data)} bytes")
    return count, position + 8


def _items(data: bytes, position: int, count: int, depth: int) -> tuple[list[object], int]:
    values = []
    for _ in range(count):
        value, position = _READERS[data[position]](data, position + 1, depth + 1)
        values.append(value)
    return values, position


def _list(width: int) -> Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[object, int]:
        count, position = _header(data, position, width, depth)
        return _items(data, position, count, depth)

    return read


def _map(width: int) -> Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[object, int]:
        count, position = _header(data, position, width, depth)
        values, position = _items(data, position, count, depth)
        if count % 2:
            raise MalformedError("a map has a key without a value")
        return dict(zip(values[::2], values[1::2], strict=True)), position

    return read


def _array(width: int) -> Reader:
    def read(data: bytes, position: int, depth: int) -> tuple[object, int]:
        count, position = _header(data, position, width, depth)
        descriptor: object = None
        constructor = data[position]
        position += 1
        described = constructor == 0x00
        if described:
            descriptor, position = decode(data, position, depth + 1)
            constructor = data[position]
            position += 1
        values = []
        for _ in range(count):
            value, position = _READERS[constructor](data, position, depth + 1)
            values.append(Described(descriptor, value) if described else value)
        return values, position

    return read


def _described(data: bytes, position: int, depth: int) -> tuple[Described, int]:
    if depth >= _MAX_DEPTH:
        raise MalformedError(f"values are nested more than {_MAX_DEPTH} deep")
    descriptor, position = decode(data, position, depth + 1)
    value, position = decode(data, position, depth + 1)
    return Described(descriptor, value), position


def _text(octets: bytes) -> str:
    return octets.decode()


def _symbol(octets: bytes) -> Symbol:
    return Symbol(octets.decode("ascii"))


# Left out are decimals, which Python clients of Service Bus can't send as anything but application properties, and
# those stay as they are.
_READERS: dict[int, Reader] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: lambda _data, position, _depth: ([], position),
    0x50: _byte,
    0x51: _fixed(_I8),
    0x52: _byte,
    0x53: _byte,
    0x54: _fixed(_I8),
    0x55: _fixed(_I8),
    0x56: _boolean,
    0x60: _fixed(_U16),
    0x61: _fixed(_I16),
    0x70: _fixed(_U32),
    0x71: _fixed(_I32),
    0x72: _fixed(_F32),
    0x73: _fixed(_U32, chr),
    0x80: _fixed(_U64),
    0x81: _fixed(_I64),
    0x82: _fixed(_F64),
    0x83: _fixed(_I64, Timestamp),
    0x98: _uuid,
    0xA0: _variable(1, bytes),
    0xA1: _variable(1, _text),
    0xA3: _variable(1, _symbol),
    0xB0: _variable(4, bytes),
    0xB1: _variable(4, _text),
    0xB3: _variable(4, _symbol),
    0xC0: _list(1),
    0xC1: _map(1),
    0xD0: _list(4),
    0xD1: _map(4),
    0xE0: _array(1),
    0xF0: _array(4),
}


def encode(value: object) -> bytes:
    """Write one value."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"{type(value).__name__} has no AMQP type")
    return writer(value)


def encode_map(values: Mapping[str, bytes], keys: Callable[[str], object] = Symbol) -> bytes:
    """Write a map whose values are encoded already."""
    return _compound(0xC1, [part for key, value in values.items() for part in (encode(keys(key)), value)])


def encode_list(items: Sequence[bytes]) -> bytes:
    """Write a list whose items are encoded already."""
    return _compound(0xC0, items) if items else b"\x45"


def encode_described(code: int, value: bytes) -> bytes:
    """Put the descriptor of a type that the specification defines before an encoded value."""
    return b"\x00\x53" + bytes((code,)) + value


def _compound(small: int, items: Sequence[bytes]) -> bytes:
    body = b"".join(items)
    if len(body) < 255 and len(items) < 256:
        return bytes((small, len(body) + 1, len(items))) + body
    return bytes((small + 0x10,)) + _U32.pack(len(body) + 4) + _U32.pack(len(items)) + body


def _sized(small: int, octets: bytes) -> bytes:
    if len(octets) < 256:
        return bytes((small, len(octets))) + octets
    return bytes((small + 0x10,)) + _U32.pack(len(octets)) + octets


def _encode_uint(value: int) -> bytes:
    return b"\x43" if value == 0 else bytes((0x52, value)) if value < 256 else b"\x70" + _U32.pack(value)


def _encode_ulong(value: int) -> bytes:
    return b"\x44" if value == 0 else bytes((0x53, value)) if value < 256 else b"\x80" + _U64.pack(value)


def _encode_array(value: Array) -> bytes:
    # The widest constructor of the type serves every item. An empty array needs a constructor all the same.
    constructor, write = _ARRAY_ITEMS[type(value.items[0])] if value.items else _ARRAY_ITEMS[Symbol]
    body = b"".join(map(write, value.items))
    return b"\xf0" + _U32.pack(len(body) + 5) + _U32.pack(len(value.items)) + constructor + body


def _array_text(item: str) -> bytes:
    octets = item.encode()
    return _U32.pack(len(octets)) + octets


_ARRAY_ITEMS: dict[type, tuple[bytes, Callable[..., bytes]]] = {
    Symbol: (b"\xb3", _array_text),
    str: (b"\xb1", _array_text),
    int: (b"\x81", _I64.pack),
    Timestamp: (b"\x83", _I64.pack),
    UUID: (b"\x98", lambda item: item.bytes),
}

_WRITERS: dict[type, Callable[..., bytes]] = {
    type(None): lambda _value: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: lambda value: bytes((0x50, value)),
    UShort: lambda value: b"\x60" + _U16.pack(value),
    UInt: _encode_uint,
    ULong: _encode_ulong,
    Int: lambda value: b"\x71" + _I32.pack(value),
    int: lambda value: b"\x81" + _I64.pack(value),
    float: lambda value: b"\x82" + _F64.pack(value),
    Timestamp: lambda value: b"\x83" + _I64.pack(value),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _sized(0xA0, value),
    str: lambda value: _sized(0xA1, value.encode()),
    Symbol: lambda value: _sized(0xA3, value.encode("ascii")),
    list: lambda value: encode_list([encode(item) for item in value]),
    dict: lambda value: _compound(0xC1, [encode(part) for pair in value.items() for part in pair]),
    Array: _encode_array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}
