"""Every operation, by the SDK of Azure over a socket. What only depends on time is in test_broker."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus._common import mgmt_handlers
from azure.servicebus.aio import AutoLockRenewer as AsyncAutoLockRenewer
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.engines.servicebus.conftest import RunningEmulator, Start

WAIT = 5.0
"""Seconds for a message that is there, or on its way; the SDK returns when it comes."""
NOTHING = 1.0
"""Seconds until a queue counts as empty; the SDK is not reliable below one."""


def client(emulator: RunningEmulator, **options: object) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(emulator.connection_string, **{"retry_total": 0, **options})


def send(to: ServiceBusClient, *bodies: str | bytes, **fields: object) -> None:
    with to.get_queue_sender("orders") as sender:
        sender.send_messages([ServiceBusMessage(body, **fields) for body in bodies])  # type: ignore[arg-type]


def one(receiver: ServiceBusReceiver, wait: float = WAIT) -> ServiceBusReceivedMessage:
    (message,) = receiver.receive_messages(max_message_count=1, max_wait_time=wait)
    return message


def none(receiver: ServiceBusReceiver) -> bool:
    return not receiver.receive_messages(max_wait_time=NOTHING)


def text(message: ServiceBusReceivedMessage) -> str:
    return b"".join(message.body).decode()


def statistics(emulator: RunningEmulator, path: str = "/statistics") -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=5)
    connection.request("GET", path)
    found = json.loads(connection.getresponse().read())
    connection.close()
    assert isinstance(found, dict)
    return found


def counts(emulator: RunningEmulator) -> dict[str, int]:
    found = statistics(emulator)["orders"]
    assert isinstance(found, dict)
    return {name: number for name, number in found.items() if number}


def test_a_message_arrives_as_it_was_sent(start: Start) -> None:
    emulator = start()
    with (
        client(emulator) as bus,
        bus.get_queue_sender("orders") as sender,
        bus.get_queue_receiver("orders") as receiver,
    ):
        before = datetime.now(UTC)
        sender.send_messages(
            ServiceBusMessage(
                '{"id": "ä"}',
                application_properties={"text": "é", "whole": 7, "real": 0.5, "yes": True, "no": None},
                content_type="application/json",
                correlation_id="c-1",
                message_id="m-1",
                subject="order",
                to="somebody",
                reply_to="me",
                reply_to_session_id="s",
                time_to_live=timedelta(hours=1),
            )
        )
        message = one(receiver)
        assert text(message) == '{"id": "ä"}'
        assert message.application_properties == {
            b"text": "é".encode(),
            b"whole": 7,
            b"real": 0.5,
            b"yes": True,
            b"no": None,
        }
        assert (message.content_type, message.correlation_id, message.message_id) == ("application/json", "c-1", "m-1")
        assert (message.subject, message.to, message.reply_to) == ("order", "somebody", "me")
        assert message.reply_to_session_id == "s"
        assert message.time_to_live == timedelta(hours=1)
        assert (message.sequence_number, message.delivery_count) == (1, 0)
        assert message.state is ServiceBusMessageState.ACTIVE
        assert message.enqueued_time_utc is not None
        assert abs(message.enqueued_time_utc - before) < timedelta(seconds=5)
        assert message.locked_until_utc is not None
        assert timedelta(seconds=50) < message.locked_until_utc - before < timedelta(seconds=65)
        receiver.complete_message(message)
        assert none(receiver)
    assert counts(emulator) == {}


def test_bodies_of_every_kind(start: Start) -> None:
    with client(start()) as bus, bus.get_queue_sender("orders") as sender, bus.get_queue_receiver("orders") as receiver:
        sender.send_messages(AmqpAnnotatedMessage(value_body={"a": [1, "two", None]}))
        message = one(receiver)
        assert message.body_type is AmqpMessageBodyType.VALUE
        assert message.body == {b"a": [1, b"two", None]}
        sender.send_messages(AmqpAnnotatedMessage(sequence_body=[[1, 2], ["three"]], annotations={"own": "kept"}))
        message = one(receiver)
        assert list(message.body) == [[1, 2], [b"three"]]
        assert message.raw_amqp_message.annotations is not None
        assert message.raw_amqp_message.annotations[b"own"] == b"kept"
        sender.send_messages(AmqpAnnotatedMessage(data_body=[b"a", b"b"]))
        assert list(one(receiver).body) == [b"a", b"b"]
        sender.send_messages(ServiceBusMessage(b""))
        assert list(one(receiver).body) == [b""]


def test_a_batch_keeps_its_order(start: Start) -> None:
    with client(start()) as bus, bus.get_queue_sender("orders") as sender, bus.get_queue_receiver("orders") as receiver:
        batch = sender.create_message_batch()
        for number in range(50):
            batch.add_message(ServiceBusMessage(str(number), message_id=f"m{number}"))
        sender.send_messages(batch)
        found: list[str] = []
        while len(found) < 50:
            messages = receiver.receive_messages(max_message_count=50, max_wait_time=WAIT)
            assert messages
            for message in messages:
                found.append(text(message))
                receiver.complete_message(message)
        assert found == [str(number) for number in range(50)]


def test_abandoned_messages_come_back_until_they_are_dead_letters(start: Start) -> None:
    emulator = start(max_delivery_count=2)
    with client(emulator) as bus, bus.get_queue_receiver("orders") as receiver:
        send(bus, "poison")
        for count in (0, 1):
            message = one(receiver)
            assert message.delivery_count == count
            receiver.abandon_message(message)
        assert none(receiver)
        assert counts(emulator) == {"dead_letters": 1}
        with bus.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
            message = one(dead_letters)
            assert text(message) == "poison"
            assert message.dead_letter_reason == "MaxDeliveryCountExceeded"
            assert "2 delivery attempts" in (message.dead_letter_error_description or "")
            dead_letters.complete_message(message)
    assert counts(emulator) == {}


def test_dead_letters_carry_reason_and_description(start: Start) -> None:
    with (
        client(start()) as bus,
        bus.get_queue_receiver("orders") as receiver,
        bus.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters,
    ):
        send(bus, "bad", application_properties={"kept": 1})
        receiver.dead_letter_message(one(receiver), reason="schema", error_description="no field 'id'")
        message = one(dead_letters)
        assert (message.dead_letter_reason, message.dead_letter_error_description) == ("schema", "no field 'id'")
        assert message.application_properties is not None
        assert message.application_properties[b"kept"] == 1
        dead_letters.abandon_message(message)  # counts, but dead letters have nowhere to go
        assert one(dead_letters).delivery_count == 1
        send(bus, "no reason")
        receiver.dead_letter_message(one(receiver))
        message = one(dead_letters)
        assert (message.dead_letter_reason, message.dead_letter_error_description) == (None, None)


def test_a_lock_that_expires_gives_the_message_back(start: Start) -> None:
    with client(start(lock_duration=1)) as bus, bus.get_queue_receiver("orders") as receiver:
        send(bus, "slow")
        late = one(receiver)
        again = one(receiver)  # comes as soon as the lock has ended
        assert again.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(late)  # the SDK looks at its watch
        late._expiry = datetime.now(UTC) + timedelta(hours=1)
        with pytest.raises(MessageLockLostError, match=r"com\.microsoft:message-lock-lost"):
            receiver.complete_message(late)  # and now the emulator says it
        receiver.complete_message(again)
        with pytest.raises(MessageLockLostError):
            receiver.renew_message_lock(late)


def test_renewing_keeps_the_lock(start: Start) -> None:
    with client(start(lock_duration=2)) as bus, bus.get_queue_receiver("orders") as receiver:
        send(bus, "long")
        message = one(receiver)
        first = message.locked_until_utc
        assert first
        time.sleep(1.2)
        assert receiver.renew_message_lock(message) > first + timedelta(seconds=1)
        assert none(receiver)
        receiver.complete_message(message)
        assert none(receiver)


def test_the_renewer_of_the_sdk(start: Start) -> None:
    emulator = start(lock_duration=5)  # it renews 10 s before the end or, with shorter locks, at half: 5 s is its least
    with client(emulator) as bus, AutoLockRenewer() as renewer, bus.get_queue_receiver("orders") as receiver:
        send(bus, "long")
        message = one(receiver)
        renewer.register(receiver, message, max_lock_renewal_duration=60)
        time.sleep(6)
        receiver.complete_message(message)
    assert counts(emulator) == {}


def test_receive_and_delete(start: Start) -> None:
    emulator = start()
    with client(emulator) as bus:
        send(bus, "a", "b")
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        with bus.get_queue_receiver("orders", receive_mode=mode) as receiver:
            message = one(receiver)
            assert text(message) == "a"
            assert counts(emulator) == {"active": 1}
            with pytest.raises(ValueError, match="not supported"):
                receiver.complete_message(message)


def test_deferred_messages_wait_to_be_asked_for(start: Start) -> None:
    emulator = start()
    with client(emulator) as bus, bus.get_queue_receiver("orders") as receiver:
        send(bus, "a", "b", "c", "d")
        numbers = []
        for _ in range(4):
            message = one(receiver)
            numbers.append(message.sequence_number or 0)
            receiver.defer_message(message)
        assert none(receiver)
        assert counts(emulator) == {"deferred": 4}
        assert [each.state for each in receiver.peek_messages(4, sequence_number=1)] == [
            ServiceBusMessageState.DEFERRED
        ] * 4
        (first, second, third) = receiver.receive_deferred_messages(numbers[:3])
        assert [text(each) for each in (first, second, third)] == ["a", "b", "c"]
        with pytest.raises(MessageNotFoundError):
            receiver.receive_deferred_messages(numbers[0])  # locked
        receiver.complete_message(first)
        receiver.abandon_message(second)
        receiver.dead_letter_message(third, reason="late")
        with pytest.raises(MessageNotFoundError):
            receiver.receive_deferred_messages([numbers[0], numbers[3]])
        (again,) = receiver.receive_deferred_messages(numbers[1])
        assert again.delivery_count == 1
        assert receiver.renew_message_lock(again)
        assert counts(emulator) == {"deferred": 2, "locked": 1, "dead_letters": 1}
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        with bus.get_queue_receiver("orders", receive_mode=mode) as deleting:
            (last,) = deleting.receive_deferred_messages(numbers[3])
            assert text(last) == "d"
    assert counts(emulator) == {"deferred": 1, "locked": 1, "dead_letters": 1}


def test_peek_sees_everything_and_locks_nothing(start: Start) -> None:
    with (
        client(start()) as bus,
        bus.get_queue_sender("orders") as sender,
        bus.get_queue_receiver("orders") as receiver,
        bus.get_queue_receiver("orders") as looking,
    ):
        send(bus, "locked", "waits", "waits too")
        held = one(receiver)
        sender.schedule_messages(ServiceBusMessage("later"), datetime.now(UTC) + timedelta(hours=1))
        found = looking.peek_messages(10)
        assert [text(each) for each in found] == ["locked", "waits", "waits too", "later"]
        assert found[-1].state is ServiceBusMessageState.SCHEDULED
        assert [text(each) for each in looking.peek_messages(1, sequence_number=2)] == ["waits"]
        assert looking.peek_messages(1, sequence_number=99) == []
        with pytest.raises(ValueError, match="peeked"):
            looking.complete_message(found[0])
        receiver.complete_message(held)
        assert len(looking.peek_messages(10, sequence_number=1)) == 3


def test_scheduled_messages_come_when_they_are_due(start: Start) -> None:
    emulator = start()
    with (
        client(emulator) as bus,
        bus.get_queue_sender("orders") as sender,
        bus.get_queue_receiver("orders") as receiver,
    ):
        due = datetime.now(UTC) + timedelta(seconds=2)
        kept, cancelled = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
        sender.send_messages(ServiceBusMessage("c", scheduled_enqueue_time_utc=due))
        sender.cancel_scheduled_messages(cancelled)
        assert counts(emulator) == {"scheduled": 2}
        with pytest.raises(MessageNotFoundError):
            sender.cancel_scheduled_messages(cancelled)
        found = []
        while len(found) < 2:
            message = one(receiver)
            assert datetime.now(UTC) >= due - timedelta(milliseconds=1)
            assert (message.sequence_number or 0) > kept
            found.append(text(message))
        assert sorted(found) == ["a", "c"]
        with pytest.raises(MessageNotFoundError):
            sender.cancel_scheduled_messages(kept)


def test_messages_that_wait_too_long(start: Start) -> None:
    emulator = start(dead_letter_on_expiration=True)
    with client(emulator) as bus:
        send(bus, "short", time_to_live=timedelta(seconds=0.5))
        time.sleep(1)
        with bus.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
            assert one(receiver).dead_letter_reason == "TTLExpiredException"


def test_duplicates_are_dropped_silently(start: Start) -> None:
    emulator = start(duplicate_detection_window=60)
    with client(emulator) as bus:
        send(bus, "a", message_id="1")
        send(bus, "b", message_id="1")
        send(bus, "c", "d", message_id="2")
    assert counts(emulator) == {"active": 2}


@pytest.mark.parametrize("size", [1_000, 60_000, 200_000, 261_000])
def test_large_messages(start: Start, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with client(start()) as bus, bus.get_queue_receiver("orders") as receiver:
        send(bus, body)
        message = one(receiver)
        assert b"".join(message.body) == body
        receiver.complete_message(message)


def test_a_premium_sized_message(start: Start) -> None:
    body = b"x" * 5_000_000
    with client(start(max_message_size=6_000_000)) as bus, bus.get_queue_receiver("orders") as receiver:
        with bus.get_queue_sender("orders") as sender:
            sender.send_messages(ServiceBusMessage(body))
        message = one(receiver, 20)
        assert b"".join(message.body) == body


def test_messages_beyond_the_limit_are_refused(start: Start) -> None:
    emulator = start()
    with client(emulator) as bus, bus.get_queue_sender("orders") as sender:
        with pytest.raises(MessageSizeExceededError):
            sender.send_messages(ServiceBusMessage(b"x" * 262_145))
        batch = sender.create_message_batch()  # knows the limit from the link
        assert batch.max_size_in_bytes == 262_144
        sender.send_messages(ServiceBusMessage("fits"))
    assert counts(emulator) == {"active": 1}


def test_there_is_no_such_queue(start: Start) -> None:
    with client(start()) as bus:
        with pytest.raises(MessagingEntityNotFoundError, match="could not be found"), bus.get_queue_sender("nothing"):
            pass
        with pytest.raises(MessagingEntityNotFoundError), bus.get_queue_receiver("nothing"):
            pass
        with bus.get_queue_receiver("ORDERS") as receiver:  # names are the same in any case
            assert none(receiver)


def test_receivers_that_close_give_back_what_they_did_not_hand_out(start: Start) -> None:
    emulator = start()
    with client(emulator) as bus:
        send(bus, *"abcdef")
        with bus.get_queue_receiver("orders", prefetch_count=10) as receiver:
            message = one(receiver)
            receiver.complete_message(message)
        assert counts(emulator) == {"active": 5}
        with bus.get_queue_receiver("orders") as receiver:
            assert one(receiver).delivery_count == 0


class TestSessions:
    def test_messages_of_a_session_come_in_order_to_one_receiver(self, start: Start) -> None:
        emulator = start(requires_session=True)
        with client(emulator) as bus:
            send(bus, "a1", "a2", session_id="a")
            send(bus, "b1", session_id="b")
            send(bus, "a3", session_id="a")
            with (
                bus.get_queue_receiver("orders", session_id="a") as first,
                bus.get_queue_receiver("orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as second,
            ):
                assert (first.session.session_id, second.session.session_id) == ("a", "b")
                found = []
                for _ in range(3):
                    message = one(first)
                    assert message.session_id == "a"
                    found.append(text(message))
                    first.complete_message(message)
                assert found == ["a1", "a2", "a3"]
                assert text(one(second)) == "b1"
                with pytest.raises(SessionCannotBeLockedError), bus.get_queue_receiver("orders", session_id="b"):
                    pass
            assert counts(emulator) == {"active": 1}
            with bus.get_queue_receiver("orders", session_id="b") as receiver:
                assert one(receiver).delivery_count == 0  # closing is not failing

    def test_abandoned_messages_come_back_first(self, start: Start) -> None:
        with client(start(requires_session=True)) as bus:
            send(bus, "1", "2", "3", session_id="s")
            with bus.get_queue_receiver("orders", session_id="s") as receiver:
                receiver.abandon_message(one(receiver))
                found = [one(receiver) for _ in range(3)]
                assert [(text(each), each.delivery_count) for each in found] == [("1", 1), ("2", 0), ("3", 0)]

    def test_state_and_lock(self, start: Start) -> None:
        with client(start(requires_session=True, lock_duration=2)) as bus:
            with bus.get_queue_receiver("orders", session_id="s") as receiver:
                assert receiver.session.get_state() is None
                receiver.session.set_state("half done")
                before = receiver.session.locked_until_utc
                assert before
                time.sleep(0.5)
                assert receiver.session.renew_lock() > before
            with bus.get_queue_receiver("orders", session_id="s") as receiver:
                assert receiver.session.get_state() == b"half done"
                receiver.session.set_state(None)
                assert receiver.session.get_state() is None

    def test_a_session_whose_lock_expires_is_lost(self, start: Start) -> None:
        with client(start(requires_session=True, lock_duration=1)) as bus:
            send(bus, "1", session_id="s")
            with bus.get_queue_receiver("orders", session_id="s") as late:
                message = one(late)
                with bus.get_queue_receiver(
                    "orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT
                ) as receiver:  # waits until the lock has ended
                    assert receiver.session.session_id == "s"
                    again = one(receiver)
                    assert again.delivery_count == 1  # an expired lock is a failure
                    with pytest.raises(SessionLockLostError):
                        late.complete_message(message)
                    receiver.complete_message(again)

    def test_there_is_no_session(self, start: Start) -> None:
        with client(start(requires_session=True)) as bus:
            receiver = bus.get_queue_receiver("orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1)
            with pytest.raises(OperationTimeoutError), receiver:
                pass

    def test_a_receiver_that_waits_gets_the_session_that_comes(self, start: Start) -> None:
        async def scenario(emulator: RunningEmulator) -> str:
            async with AsyncServiceBusClient.from_connection_string(emulator.connection_string) as bus:
                receiver = bus.get_queue_receiver("orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=20)
                waiting = asyncio.create_task(receiver.__aenter__())
                await asyncio.sleep(0.5)
                async with bus.get_queue_sender("orders") as sender:
                    await sender.send_messages(ServiceBusMessage("x", session_id="new"))
                await asyncio.wait_for(waiting, 5)
                (message,) = await receiver.receive_messages(max_wait_time=WAIT)
                await receiver.complete_message(message)
                await receiver.close()
                return str(message.session_id)

        assert asyncio.run(scenario(start(requires_session=True))) == "new"

    def test_deferred_and_dead_letters(self, start: Start) -> None:
        emulator = start(requires_session=True)
        with client(emulator) as bus:
            send(bus, "1", "2", session_id="s")
            with bus.get_queue_receiver("orders", session_id="s") as receiver:
                message = one(receiver)
                receiver.defer_message(message)
                assert text(one(receiver)) == "2"
                (again,) = receiver.receive_deferred_messages(message.sequence_number or 0)
                receiver.dead_letter_message(again, reason="because")
                assert len(receiver.peek_messages(5, sequence_number=1)) == 1
            # Dead letters have no sessions, whatever the queue has.
            with bus.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
                message = one(dead_letters)
                assert (message.session_id, message.dead_letter_reason) == ("s", "because")

    def test_sessions_and_queues_must_match(self, start: Start) -> None:
        with client(start(requires_session=True)) as bus:
            with pytest.raises(ServiceBusError, match="requires sessions"):
                send(bus, "none")
            with pytest.raises(ServiceBusError, match="requires sessions"), bus.get_queue_receiver("orders"):
                pass
        with client(start()) as bus:
            receiver = bus.get_queue_receiver("orders", session_id="s")
            with pytest.raises(ServiceBusError, match="has no sessions"), receiver:
                pass

    def test_list_sessions(self, start: Start) -> None:
        with client(start(requires_session=True)) as bus:
            for name in ("000", "001", "002"):
                send(bus, "x", session_id=name)
            with bus.get_queue_receiver("orders", session_id="stateful") as receiver:
                receiver.session.set_state(b"x")
            assert list(bus.list_queue_sessions("orders")) == ["000", "001", "002", "stateful"]
            recent = datetime.now(UTC) - timedelta(minutes=1)
            assert list(bus.list_queue_sessions("orders", state_updated_after=recent)) == ["stateful"]


class TestAsync:
    def test_many_clients_share_a_queue(self, start: Start) -> None:
        """Five senders, five receivers, a connection each: every message is handled exactly once."""
        number, clients = 200, 5

        async def produce(emulator: RunningEmulator, who: int) -> None:
            async with (
                AsyncServiceBusClient.from_connection_string(emulator.connection_string) as bus,
                bus.get_queue_sender("orders") as sender,
            ):
                for start in range(0, number, 20):
                    batch = await sender.create_message_batch()
                    for index in range(start, start + 20):
                        batch.add_message(ServiceBusMessage(f"{who}-{index}"))
                    await sender.send_messages(batch)

        async def consume(emulator: RunningEmulator, found: list[str]) -> None:
            async with (
                AsyncServiceBusClient.from_connection_string(emulator.connection_string) as bus,
                bus.get_queue_receiver("orders") as receiver,
            ):
                while len(found) < number * clients:
                    for message in await receiver.receive_messages(max_message_count=20, max_wait_time=1):
                        found.append(text(message))
                        await receiver.complete_message(message)

        async def scenario(emulator: RunningEmulator) -> list[str]:
            found: list[str] = []
            work = [produce(emulator, who) for who in range(clients)]
            work += [consume(emulator, found) for _ in range(clients)]
            await asyncio.wait_for(asyncio.gather(*work), 60)
            return found

        emulator = start()
        found = asyncio.run(scenario(emulator))
        assert sorted(found) == sorted(f"{who}-{index}" for who in range(clients) for index in range(number))
        assert counts(emulator) == {}

    def test_the_renewer_keeps_a_session(self, start: Start) -> None:
        async def scenario(emulator: RunningEmulator) -> None:
            async with AsyncServiceBusClient.from_connection_string(emulator.connection_string) as bus:
                async with bus.get_queue_sender("orders") as sender:
                    await sender.send_messages(ServiceBusMessage("x", session_id="s"))
                async with (
                    AsyncAutoLockRenewer() as renewer,
                    bus.get_queue_receiver("orders", session_id="s") as receiver,
                ):
                    renewer.register(receiver, receiver.session, max_lock_renewal_duration=60)
                    (message,) = await receiver.receive_messages(max_wait_time=WAIT)
                    await asyncio.sleep(6)
                    await receiver.complete_message(message)

        emulator = start(requires_session=True, lock_duration=5)
        asyncio.run(scenario(emulator))
        assert counts(emulator) == {}

    def test_clients_reconnect_after_a_restart(self, start: Start, tmp_path: Path) -> None:
        async def scenario(emulator: RunningEmulator) -> list[tuple[str, int | None]]:
            async with (
                AsyncServiceBusClient.from_connection_string(emulator.connection_string, retry_total=5) as bus,
                bus.get_queue_sender("orders") as sender,
                bus.get_queue_receiver("orders") as receiver,
            ):
                await sender.send_messages([ServiceBusMessage("done"), ServiceBusMessage("held")])
                done, held = await receiver.receive_messages(max_message_count=2, max_wait_time=WAIT)
                await receiver.complete_message(done)
                await asyncio.to_thread(emulator.stop)
                await asyncio.to_thread(emulator.start)
                await sender.send_messages(ServiceBusMessage("new"))
                with pytest.raises(MessageLockLostError):
                    await receiver.complete_message(held)
                found: list[tuple[str, int | None]] = []
                while len(found) < 2:
                    for message in await receiver.receive_messages(max_message_count=2, max_wait_time=WAIT):
                        found.append((text(message), message.delivery_count))
                        await receiver.complete_message(message)
                return found

        assert asyncio.run(scenario(start(data=tmp_path))) == [("held", 0), ("new", 0)]


def test_statistics(start: Start) -> None:
    emulator = start(requires_session=True)
    assert statistics(emulator) == {
        "orders": {"active": 0, "locked": 0, "deferred": 0, "scheduled": 0, "dead_letters": 0}
    }
    assert statistics(emulator, "/elsewhere") == {"paths": ["/statistics"]}


class TestManagement:
    """What the SDK never asks for, through its own requests."""

    @pytest.mark.parametrize(
        ("operation", "body", "said"),
        [
            (b"com.microsoft:add-rule", {}, "not implemented"),
            (b"com.microsoft:renew-lock", {}, "lock-tokens"),
            (b"com.microsoft:renew-lock", {"lock-tokens": ["a"]}, "UUIDs"),
            (b"com.microsoft:peek-message", {"from-sequence-number": 1, "message-count": "a"}, "argument-error"),
            (b"com.microsoft:update-disposition", {"disposition-status": "eaten", "lock-tokens": []}, "eaten"),
            (b"com.microsoft:schedule-message", {"messages": [{"message": b"none"}]}, "argument-error"),
            (b"com.microsoft:set-session-state", {"session-id": "s", "session-state": "text"}, "bytes"),
            (b"com.microsoft:get-session-state", {"session-id": "t"}, "session-lock-lost"),
            (b"com.microsoft:renew-session-lock", {}, "session-id"),
        ],
    )
    def test_mistakes_are_answered(self, start: Start, operation: bytes, body: dict[str, object], said: str) -> None:
        with client(start(requires_session=True)) as bus, bus.get_queue_receiver("orders", session_id="s") as receiver:
            with pytest.raises(ServiceBusError) as refused:
                receiver._mgmt_request_response_with_retry(operation, body, mgmt_handlers.default)
            assert said in str(refused.value)
            if said != "session-lock-lost":  # there the SDK gives up the session
                assert receiver.session.get_state() is None

    def test_deferring_what_was_deferred(self, start: Start) -> None:
        emulator = start()
        with client(emulator) as bus, bus.get_queue_receiver("orders") as receiver:
            send(bus, "x")
            message = one(receiver)
            receiver.defer_message(message)
            (again,) = receiver.receive_deferred_messages(message.sequence_number or 0)
            receiver.defer_message(again)
        assert counts(emulator) == {"deferred": 1}


class TestRestart:
    def test_sessions_and_message_ids_are_remembered(self, start: Start, tmp_path: Path) -> None:
        emulator = start(data=tmp_path, requires_session=True, duplicate_detection_window=60)
        with client(emulator) as bus:
            send(bus, "a", session_id="s", message_id="1")
            for name, state in (("s", b"kept"), ("t", b"dropped")):
                with bus.get_queue_receiver("orders", session_id=name) as receiver:
                    receiver.session.set_state(state)
            with bus.get_queue_receiver("orders", session_id="t") as receiver:
                receiver.session.set_state(None)
        emulator.stop()
        emulator.start()
        with client(emulator) as bus:
            send(bus, "duplicate", session_id="s", message_id="1")
            with bus.get_queue_receiver("orders", session_id="s") as receiver:
                assert receiver.session.get_state() == b"kept"
                assert text(one(receiver)) == "a"
                assert none(receiver)
            with bus.get_queue_receiver("orders", session_id="t") as receiver:
                assert receiver.session.get_state() is None

    def test_time_goes_on_while_it_is_down(self, start: Start, tmp_path: Path) -> None:
        emulator = start(data=tmp_path, dead_letter_on_expiration=True)
        with client(emulator) as bus, bus.get_queue_sender("orders") as sender:
            send(bus, "short", time_to_live=timedelta(seconds=1))
            sender.schedule_messages(ServiceBusMessage("due"), datetime.now(UTC) + timedelta(seconds=1))
        emulator.stop()
        time.sleep(1.1)
        emulator.start()
        assert counts(emulator) == {"active": 1, "dead_letters": 1}
