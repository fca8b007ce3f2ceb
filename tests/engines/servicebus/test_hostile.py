"""Clients that say anything at all. They may be cut off; the emulator and the others stay."""

from __future__ import annotations

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from standardized_modules.engines.servicebus import codec, frames
from standardized_modules.engines.servicebus.codec import Described, Symbol, ULong
from tests.engines.servicebus.conftest import RunningEmulator, Start
from tests.engines.servicebus.test_codec import ATOMS
from tests.engines.servicebus.test_process import Raw

CODES = [kind.CODE for kind in (frames.Begin, frames.Attach, frames.Flow, frames.Transfer, frames.Disposition)]
CODES += [frames.Detach.CODE, frames.End.CODE, frames.SaslInit.CODE]
ADDRESSES = some.sampled_from(["orders", "$cbs", "orders/$management", "orders/$deadletterqueue", "nothing"])
TERMINI = some.builds(
    lambda code, address, rest: Described(ULong(code), [address, *rest]),
    some.sampled_from([0x28, 0x29, 0x30]),
    ADDRESSES | ATOMS,
    some.lists(ATOMS | some.dictionaries(some.just(Symbol("com.microsoft:session-filter")), ATOMS), max_size=10),
)
SMALL = some.integers(0, 3).map(codec.UInt)
FIELDS = some.lists(
    some.one_of(ATOMS, SMALL, SMALL, TERMINI, some.just({Symbol("com.microsoft:timeout"): codec.UInt(1)})), max_size=14
)
FRAMES = some.tuples(some.sampled_from(CODES), FIELDS, some.binary(max_size=40))
# Attaches that work, so that what follows meets a link.
ATTACHES = some.builds(
    lambda handle, role, address: (
        frames.Attach.CODE,
        [
            f"l{handle}",
            handle,
            role,
            None,
            None,
            frames.source(address),
            frames.target(address),
            None,
            None,
            codec.UInt(0),
        ],
        b"",
    ),
    SMALL,
    some.booleans(),
    ADDRESSES,
)
TALK = some.lists(FRAMES | ATTACHES, min_size=1, max_size=12)


@pytest.fixture(params=[False, True], ids=["plain", "sessions"])
def emulator(start: Start, request: pytest.FixtureRequest) -> RunningEmulator:
    return start(requires_session=request.param)


def encoded(code: int, fields: list[object], payload: bytes) -> bytes:
    body = codec.encode(Described(ULong(code), fields)) + payload
    return (8 + len(body)).to_bytes(4, "big") + b"\x02\x00\x00\x00" + body


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(talk=TALK)
def test_clients_are_refused_not_failed(
    emulator: RunningEmulator, talk: list[tuple[int, list[object], bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    client = Raw(emulator.port)
    client.send(frames.AMQP_HEADER)
    client.say(frames.Open("fuzz"))
    client.say(frames.Begin(None, 0, 100, 100))
    client.send(b"".join(encoded(*each) for each in talk))
    client.say(frames.Close())
    heard = client.rest()
    assert heard
    assert not [record for record in caplog.records if record.exc_info], caplog.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.binary(max_size=100), opened=some.booleans())
def test_noise(emulator: RunningEmulator, data: bytes, opened: bool, caplog: pytest.LogCaptureFixture) -> None:
    client = Raw(emulator.port)
    if opened:
        client.open()
    client.send(data)
    client.end()
    client.rest()
    assert not [record for record in caplog.records if record.exc_info], caplog.text


def test_connections_that_break_off(emulator: RunningEmulator) -> None:
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", emulator.port), timeout=5)
        client.sendall(frames.AMQP_HEADER + frames.encode_frame(0, frames.Open("x"))[:-3])
        client.close()
    Raw(emulator.port).open()
