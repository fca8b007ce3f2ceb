"""The protobuf codec: vectors from the specification, and properties."""

import contextlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.terraform_offline import values, wire

NUMBERS = st.integers(min_value=1, max_value=(1 << 29) - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_vectors_of_the_specification() -> None:
    assert wire.integer(1, 150) == bytes.fromhex("089601")
    assert wire.text(2, "testing") == bytes.fromhex("120774657374696e67")
    assert wire.message(3, wire.integer(1, 150)) == bytes.fromhex("1a03089601")
    assert wire.varint(-2) == bytes.fromhex("feffffffffffffffff01")


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_varint_round_trip(number: int) -> None:
    assert wire.parse(wire.member(1, number)) == {1: [number]}


@given(st.lists(st.tuples(NUMBERS, st.binary() | st.integers(min_value=0, max_value=2**64 - 1))))
def test_fields_round_trip_in_order(fields: list[tuple[int, wire.Value]]) -> None:
    encoded = b"".join(
        wire.message(number, value) if isinstance(value, bytes) else wire.member(number, value)
        for number, value in fields
    )
    expected: wire.Fields = {}
    for number, value in fields:
        expected.setdefault(number, []).append(value)
    assert wire.parse(encoded) == expected


@given(NUMBERS)
def test_defaults_are_left_out_and_messages_are_not(number: int) -> None:
    assert wire.text(number, "") == wire.octets(number, b"") == wire.integer(number, 0) == b""
    assert wire.parse(wire.message(number, b"")) == {number: [b""]}


@given(st.binary(max_size=64))
def test_garbage_is_refused_or_parsed_but_never_crashes(garbage: bytes) -> None:
    with contextlib.suppress(wire.MalformedMessageError):
        wire.parse(garbage)


def test_truncation_is_refused_and_fixed_width_fields_are_skipped() -> None:
    for broken in (b"\x08", b"\x12\x05ab", b"\x0b", b"\xff" * 11):
        with pytest.raises(wire.MalformedMessageError):
            wire.parse(broken)
    assert wire.parse(b"\x09" + bytes(8) + b"\x15" + bytes(4)) == {1: [bytes(8)], 2: [bytes(4)]}
    with pytest.raises(wire.MalformedMessageError):
        wire.first({1: [7]}, 1)


@given(JSON)
def test_values_round_trip(value: object) -> None:
    assert values.load(values.dump(value)) == value


def test_unknown_values_survive_and_refined_ones_are_recognised() -> None:
    assert values.load(values.dump({"arn": values.UNKNOWN})) == {"arn": values.UNKNOWN}
    assert values.is_unknown(msgpack.ExtType(12, b"\x81\x01\xc2"))
    assert not values.is_known(None)
    assert values.load(values.dump_json(b'{"a": 1}')) == {"a": 1}
    assert values.load(b"") is None
