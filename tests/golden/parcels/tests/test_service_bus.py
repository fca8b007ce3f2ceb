"""The Service Bus adapter: ids that the broker takes, and failures half-way."""

import asyncio
import gc

import pytest

from parcels.queue import (
    BrokerUnavailable,
    service_bus_client,
    service_bus_sessions,
)
from parcels.queue.service_bus import (
    PAGE_MESSAGES,
    ServiceBusQueue,
)
from parcels.queue.service_bus_messages import (
    decode,
    redrive_copy,
    retry_copy,
)
from parcels.queue.service_bus_sessions import (
    ServiceBusSessionQueue,
)
from tests.service_bus_sdk import CONNECTION_STRING, Found, Receiver, Sdk


@pytest.fixture(autouse=True)
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """The SDK's client, which the adapter connects with."""
    made = Sdk()
    monkeypatch.setattr(service_bus_client, "ServiceBusClient", made)
    return made


@pytest.fixture
def queue() -> ServiceBusQueue:
    return ServiceBusQueue("", "tasks", 30, CONNECTION_STRING)


@pytest.fixture
def sessions() -> ServiceBusSessionQueue:
    return ServiceBusSessionQueue("", "tasks", 30, CONNECTION_STRING)


def a_message(group: str) -> Found:
    """A message of a session."""
    return Found(session_id=group)


@pytest.mark.parametrize("length", [1, 126, 127, 128])
def test_copies_have_ids_that_the_broker_takes(sdk: Sdk, length: int) -> None:
    """128 characters; a longer one is refused, and its message could never be tried again."""
    found = Found(message_id="x" * length, delivery_count=4)
    message = decode(found, Receiver(sdk, [found]))  # type: ignore[arg-type]  # stands in for the SDK's
    ids = {retry_copy(message, 5).message_id for _ in range(2)}
    assert len(ids) == 1, "the same call twice makes one copy"
    ids.add(redrive_copy(found).message_id)  # type: ignore[arg-type]  # as above
    assert len(ids) == 2
    assert all(each and len(each) <= 128 and each != found.message_id for each in ids)


def test_a_message_can_be_redriven_again_and_again() -> None:
    found, seen = Found(message_id="a" * 36), set()
    for number in range(20):
        found.sequence_number = number
        found.message_id = redrive_copy(found).message_id  # type: ignore[arg-type]  # as above
        seen.add(found.message_id)
    assert len(seen) == 20


def test_messages_without_an_id_are_not_taken_for_one_another(sdk: Sdk) -> None:
    """The id is the idempotency key of those that bring none: with one for all, one is done."""
    found = [Found(message_id=None, sequence_number=number) for number in (1, 2)]
    ids = {decode(each, Receiver(sdk, [each])).id for each in found}  # type: ignore[arg-type]  # as above
    assert (len(ids), all(ids)) == (2, True)


def test_an_id_of_another_type_is_a_text_here(sdk: Sdk) -> None:
    found = Found(message_id=17)
    assert decode(found, Receiver(sdk, [found])).id == "17"  # type: ignore[arg-type]  # as above


async def test_what_could_not_be_completed_can_be_completed_later(
    sdk: Sdk, queue: ServiceBusQueue
) -> None:
    sdk.sessions = [[Found()]]
    (message,) = await queue.receive(1, 0)
    sdk.left["complete"] = 1
    with pytest.raises(BrokerUnavailable):
        await queue.complete([message])
    assert await queue.complete([message]) == []
    assert sdk.calls["complete"] == 2
    assert await queue.complete([message]) == [message], "it is answered now"


@pytest.mark.parametrize(("there", "counted"), [(0, 0), (25, 25), (1000, 100)])
async def test_statistics_hold_a_page_of_messages_at_a_time(
    sdk: Sdk, queue: ServiceBusQueue, there: int, counted: int
) -> None:
    """Their bodies come along: a hundred of the largest would not fit into the pod's memory."""
    sdk.peeked = there
    stats = await queue.stats()
    assert (stats.visible, stats.delayed, stats.dead_letters) == (counted, 0, counted)
    assert (stats.oldest_age_seconds == 0) == (there == 0)
    assert sdk.most_alive <= PAGE_MESSAGES


async def test_a_link_is_not_opened_in_the_time_of_a_poll(sdk: Sdk, queue: ServiceBusQueue) -> None:
    """Where signing in takes longer than a poll, the worker would never receive anything."""
    sdk.opens_in = 1.2
    sdk.sessions = [[Found(), Found()]]
    assert len(await queue.receive(1, 0)) == len(await queue.receive(1, 0)) == 1
    assert sdk.calls["open"] == 1


async def test_a_connection_that_is_not_made_in_time_is_not_taken_for_an_empty_queue(
    sdk: Sdk, sessions: ServiceBusSessionQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_bus_sessions, "TRY_TIMEOUT", 0.1)
    sdk.opens_in = 0.2
    with pytest.raises(BrokerUnavailable):
        await sessions.receive(1, 0)
    sdk.opens_in = 0.0
    assert await sessions.receive(1, 0) == []
    await sessions.close()


async def both_in_hand(sdk: Sdk, sessions: ServiceBusSessionQueue) -> list[Receiver]:
    """Sessions a and b are ours and free again, each with one more message."""
    sdk.sessions = [[a_message("a"), a_message("a")], [a_message("b"), a_message("b")]]
    first = await sessions.receive(1, 1)
    second = await sessions.receive(1, 1)
    assert [each.group for each in first + second] == ["a", "b"]
    assert await sessions.complete(first + second) == []
    return sdk.receivers[:2]


async def test_what_one_session_gave_is_not_dropped_because_another_failed(
    sdk: Sdk, sessions: ServiceBusSessionQueue
) -> None:
    await both_in_hand(sdk, sessions)
    sdk.left["receive b"] = 1
    assert [each.group for each in await sessions.receive(2, 0)] == ["a"]
    await sessions.close()


async def test_what_a_session_gave_is_not_dropped_because_no_other_can_be_had(
    sdk: Sdk, sessions: ServiceBusSessionQueue
) -> None:
    await both_in_hand(sdk, sessions)
    sdk.left["open"] = 1
    received = await sessions.receive(3, 0)
    assert sorted(each.group or "" for each in received) == ["a", "b"]
    await sessions.close()


async def test_a_session_that_cannot_be_had_is_an_outage_and_leaves_no_connection(
    sdk: Sdk, sessions: ServiceBusSessionQueue
) -> None:
    sdk.left["open"] = 1
    with pytest.raises(BrokerUnavailable):
        await sessions.receive(1, 0)
    assert [receiver.closed for receiver in sdk.receivers] == [True]
    assert await sessions.receive(1, 0) == [], "no session has a message: that is no outage"
    assert [receiver.closed for receiver in sdk.receivers] == [True, True]
    await sessions.close()


async def test_sessions_that_wait_for_retries_are_not_without_number(
    sdk: Sdk, sessions: ServiceBusSessionQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_bus_sessions, "MAX_WAITING", 3)
    sdk.sessions = [[a_message(str(number))] for number in range(10)]
    for _ in range(3):
        (message,) = await sessions.receive(1, 1)
        await sessions.retry(message, 1.5)
    calls = sdk.calls["open"]
    assert await sessions.receive(10, 0) == []
    assert sdk.calls["open"] == calls, "no further one while three wait"
    assert len(await sessions.receive(1, 10)) == 1, "there is room when the retries are over"
    assert sdk.calls["abandon"] >= 3
    await sessions.close()


async def test_a_session_that_cannot_be_given_back_fails_nothing_else(
    sdk: Sdk, sessions: ServiceBusSessionQueue, caplog: pytest.LogCaptureFixture
) -> None:
    sdk.sessions = [[a_message("a")]]
    (message,) = await sessions.receive(1, 1)
    sdk.left["abandon"] = 1
    await sessions.retry(message, 0.01)
    await asyncio.sleep(0.1)
    gc.collect()
    assert sdk.calls["abandon"] == 1
    assert "never retrieved" not in caplog.text
    await sessions.close()
