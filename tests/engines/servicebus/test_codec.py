"""AMQP types both ways, with the SDK's own codec as a second opinion."""

from __future__ import annotations

import struct
from uuid import UUID

import pytest
from azure.servicebus._pyamqp import _decode as theirs
from hypothesis import given
from hypothesis import strategies as some

from standardized_modules.engines.servicebus import codec, frames, message
from standardized_modules.engines.servicebus.codec import (
    Array,
    Described,
    Int,
    MalformedError,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

NAMES = some.text(some.characters(min_codepoint=33, max_codepoint=126), max_size=300)
INT64 = some.integers(-(2**63), 2**63 - 1)
ATOMS = some.one_of(
    some.none(),
    some.booleans(),
    INT64,
    some.integers(0, 255).map(UByte),
    some.integers(0, 2**16 - 1).map(UShort),
    some.integers(0, 2**32 - 1).map(UInt),
    some.integers(0, 2**64 - 1).map(ULong),
    some.integers(-(2**31), 2**31 - 1).map(Int),
    INT64.map(Timestamp),
    some.floats(allow_nan=False),
    some.uuids(),
    some.binary(max_size=300),
    some.text(max_size=300),
    NAMES.map(Symbol),
)
VALUES = some.recursive(
    ATOMS,
    lambda inner: (
        some.lists(inner, max_size=300)
        | some.dictionaries(NAMES.map(Symbol), inner, max_size=150)
        | inner.map(lambda value: Described(Symbol("com.example:type"), value))
    ),
    max_leaves=40,
)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    data = codec.encode(value)
    assert codec.decode(data) == (value, len(data))
    assert codec.skip(data, 0) == len(data)


@given(ATOMS.filter(lambda value: not isinstance(value, float)))
def test_the_sdk_reads_the_same(value: object) -> None:
    data = codec.encode(value)
    rest, found = theirs._DECODE_BY_CONSTRUCTOR[data[0]](memoryview(data)[1:])
    expected = value.encode() if isinstance(value, str) else value
    assert (len(rest), found) == (0, expected)


@given(some.lists(some.uuids()) | some.lists(INT64) | some.lists(NAMES.map(Symbol)) | some.lists(INT64.map(Timestamp)))
def test_arrays(items: list[object]) -> None:
    data = codec.encode(Array(items))
    assert codec.decode(data) == (items, len(data))
    assert codec.skip(data, 0) == len(data)


@given(some.binary(max_size=60))
def test_anything_else_is_malformed(data: bytes) -> None:
    """Whatever comes in, it is a value, or it is refused; nothing else happens."""
    for read in (codec.decode, codec.skip, codec.raw_map, lambda data, at: list(codec.raw_items(data, at))):
        try:
            read(data, 0)
        except MalformedError:
            continue
    for parse in (message.parse, message.split_batch, message.parse_request, frames.decode_body):
        try:
            parse(data)
        except MalformedError:
            continue


@given(some.data())
def test_cut_off_messages_are_malformed(data: some.DataObject) -> None:
    whole = codec.encode({Symbol("a"): [1, "two", UUID(int=3)], Symbol("b"): b"x" * 300})
    cut = data.draw(some.integers(0, len(whole) - 1))
    with pytest.raises(MalformedError):
        codec.decode(whole[:cut])
    with pytest.raises(MalformedError):
        codec.skip(whole[:cut], 0)


def test_examples_of_the_specification() -> None:
    # Part 1, 1.2 to 1.6: a described value, and the widths of the same number.
    assert codec.decode(bytes.fromhex("00a1 03 55524c a1 05 68656c6c6f"))[0] == Described("URL", "hello")
    for text in ("43", "5200", "7000000000"):
        assert codec.decode(bytes.fromhex(text))[0] == 0
    assert codec.decode(bytes.fromhex("e0 05 03 56 01 00 01"))[0] == [True, False, True]
    assert codec.decode(bytes.fromhex("73 0001f600"))[0] == "😀"
    assert codec.decode(bytes.fromhex("72 3f800000"))[0] == 1.0


def test_nesting_has_an_end() -> None:
    deep = b"\xc0\x02\x01" * 100 + b"\x40"
    with pytest.raises(MalformedError, match="nested"):
        codec.decode(deep)
    with pytest.raises(MalformedError):
        codec.decode(b"\x00\xa1\x01x" * 5_000 + b"\x40")
    with pytest.raises(MalformedError):
        codec.skip(b"\x00\xa1\x01x" * 5_000 + b"\x40", 0)


def test_counts_are_not_believed() -> None:
    with pytest.raises(MalformedError, match="do not fit"):
        codec.decode(b"\xd0" + struct.pack(">II", 8, 2**31) + b"\x40")


def test_types_without_a_place_on_the_wire() -> None:
    with pytest.raises(TypeError, match="set"):
        codec.encode({1, 2})


def test_frames_are_taken_one_by_one() -> None:
    first = frames.encode_frame(3, frames.Flow(1, 2, 3, 4, handle=5, drain=True))
    second = frames.encode_frame(0, frames.Transfer(1, 2, b"tag", 0, False, True), b"payload")
    buffer = bytearray(first + second[:-1])
    kind, channel, body = frames.read_frame(buffer, 1000) or (0, 0, b"")
    assert (kind, channel) == (frames.AMQP, 3)
    assert frames.decode_body(body) == (frames.Flow(1, 2, 3, 4, 5, drain=True), b"")
    assert frames.read_frame(buffer, 1000) is None
    buffer += second[-1:]
    _, _, body = frames.read_frame(buffer, 1000) or (0, 0, b"")
    assert frames.decode_body(body) == (frames.Transfer(1, 2, b"tag", 0, False, True), b"payload")
    assert not buffer


@pytest.mark.parametrize("header", ["00000007 02000000", "00010000 02000000", "00000010 01000000", "00000010 05000000"])
def test_frames_of_impossible_sizes(header: str) -> None:
    with pytest.raises(MalformedError):
        frames.read_frame(bytearray(bytes.fromhex(header)), 1000)


def test_performatives_with_wrong_fields() -> None:
    for fields in ([], ["not a number", 1, 1, 1], [None]):
        body = codec.encode(Described(ULong(frames.Begin.CODE), fields))
        with pytest.raises(MalformedError):
            frames.decode_body(body)


def test_the_types_of_properties_survive() -> None:
    """What the broker has no business with goes out as it came in, to the byte."""
    application_properties = {
        "ubyte": bytes.fromhex("5007"),
        "decimal": bytes.fromhex("94") + bytes(16),
        "char": bytes.fromhex("7300000041"),
        "float": bytes.fromhex("7240490fdb"),
    }
    sent = codec.encode_described(0x74, codec.encode_map(application_properties, str))
    sent += codec.encode_described(0x75, codec.encode(b"body"))
    content = message.parse(sent)
    assert content.application_properties == application_properties
    again = message.parse(message.whole(content))
    assert again.application_properties == application_properties
    assert again.body == content.body
    assert message.parse(message.whole(again)) == again


HEADERS = some.lists(ATOMS, max_size=6)
ANNOTATIONS = some.dictionaries(
    some.sampled_from(["x-opt-scheduled-enqueue-time", "x-opt-partition-key", "own"]).map(Symbol), ATOMS
)


@given(HEADERS, ANNOTATIONS, some.lists(ATOMS, max_size=13), some.binary(max_size=10))
def test_whatever_is_taken_in_can_be_handed_out(
    header: list[object], annotations: dict[object, object], properties: list[object], body: bytes
) -> None:
    """A message that could not be put together again would end the emulator, for everybody."""
    data = codec.encode_described(0x70, codec.encode(header))
    data += codec.encode_described(0x72, codec.encode(annotations))
    data += b"\x00\x80" + struct.pack(">Q", 0x73) + codec.encode(properties)  # descriptors may come in long, too
    data += codec.encode_described(0x75, codec.encode(body))
    content = message.parse(data)
    assert message.parse(message.whole(content)) == content
