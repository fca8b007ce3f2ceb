"""The SQS adapter: what it asks for, and what it makes of every answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from invoices.queue import (
    BrokerUnavailable,
    LockLost,
    Message,
    OutgoingMessage,
    sqs_calls,
)
from invoices.queue.sqs import SqsQueue
from invoices.queue.sqs_messages import dead_letter_attributes, without_dead_letter
from tests.sqs_server import SqsServer

URL = "https://sqs.eu-west-1.amazonaws.com/000000000000/tasks"
DEAD_URL = f"{URL}-dead-letters"
RECEIVED = {
    "MessageId": "id-1",
    "ReceiptHandle": "handle-1",
    "Body": "{}",
    "Attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000500"},
    "MessageAttributes": {"task": {"DataType": "String", "StringValue": "send"}},
}


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqsServer]:
    async with SqsServer().running() as running:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setattr(sqs_calls, "PAUSES", (0.0, 0.0, 0.0))
        yield running


@pytest.fixture
async def queue(server: SqsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqsQueue]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    opened = SqsQueue(URL, DEAD_URL, lock_seconds=30, region="eu-west-1")
    yield opened
    await opened.close()


@pytest.fixture
async def message(server: SqsServer, queue: SqsQueue) -> Message:
    server.will({"Messages": [RECEIVED]})
    (received,) = await queue.receive(1, 0)
    server.calls.clear()
    return received


def answer(**failed: str) -> dict[str, Any]:
    """A batch in which the entries with these numbers failed (e0="InternalError")."""
    codes = {number.removeprefix("e"): code for number, code in failed.items()}
    return {
        "Successful": [],
        "Failed": [{"Id": id_, "Code": code, "SenderFault": False} for id_, code in codes.items()],
    }


def receipts(server: SqsServer) -> list[list[str]]:
    """The receipts of each call."""
    return [[entry["ReceiptHandle"] for entry in body["Entries"]] for _, body in server.calls]


async def test_receive_asks_within_the_limits(server: SqsServer, queue: SqsQueue) -> None:
    server.will({"Messages": [RECEIVED]})
    (message,) = await queue.receive(50, 60)
    ((operation, asked),) = server.calls
    assert operation == "ReceiveMessage"
    assert asked["QueueUrl"] == URL
    assert (asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"]) == (10, 20)
    assert asked["VisibilityTimeout"] == 30
    assert (message.id, message.body, message.attributes) == ("id-1", b"{}", {"task": "send"})
    assert (message.delivery_count, message.sent_at) == (3, 1700000000.5)


async def test_no_message_is_an_empty_list(server: SqsServer, queue: SqsQueue) -> None:
    server.will({})
    assert await queue.receive(10, 0.1) == []
    assert server.calls[0][1]["WaitTimeSeconds"] == 1


async def test_a_cancelled_receive_gives_back_what_it_gets(
    server: SqsServer, queue: SqsQueue
) -> None:
    server.may_answer.clear()
    receiving = asyncio.create_task(queue.receive(10, 20))
    await server.asked.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    server.will({"Messages": [RECEIVED]}, answer())
    server.may_answer.set()
    await queue.close()
    assert server.operations == ["ReceiveMessage", "ChangeMessageVisibilityBatch"]
    (entry,) = server.calls[1][1]["Entries"]
    assert (entry["ReceiptHandle"], entry["VisibilityTimeout"]) == ("handle-1", 0)


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AccessDenied", "KmsThrottled"])
async def test_a_refusal_is_an_unavailable_broker(
    server: SqsServer, queue: SqsQueue, code: str
) -> None:
    server.will_refuse(code)
    with pytest.raises(BrokerUnavailable, match=code):
        await queue.check()


async def test_so_is_no_answer(monkeypatch: pytest.MonkeyPatch, queue: SqsQueue) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(BrokerUnavailable, match="Could not connect"):
        await queue.check()


async def test_so_is_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(BrokerUnavailable, match="region"):
        await SqsQueue(URL, DEAD_URL, lock_seconds=30, region="").check()


@pytest.mark.parametrize("code", sorted(sqs_calls.NOT_OURS))
async def test_a_message_that_is_not_in_flight_is_lost(
    server: SqsServer, queue: SqsQueue, message: Message, code: str
) -> None:
    server.will_refuse(code)
    with pytest.raises(LockLost, match=code):
        await queue.extend(message)


async def test_a_message_that_ran_out_is_lost_without_asking(
    server: SqsServer, queue: SqsQueue, message: Message, run_out: Callable[[Message], None]
) -> None:
    """SQS would accept an old receipt, and then delete or hide what somebody else has."""
    run_out(message)
    for attempt in (
        queue.extend(message),
        queue.retry(message, 5),
        queue.dead_letter(message, "reason", ""),
    ):
        with pytest.raises(LockLost):
            await attempt
    await queue.release([message])
    assert await queue.complete([message]) == [message]
    assert server.calls == []


@pytest.fixture
def run_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[Message], None]:
    def forward(_: Message) -> None:
        later = time.monotonic() + 31
        monkeypatch.setattr(time, "monotonic", lambda: later)

    return forward


async def test_retry_hides_for_whole_seconds_and_gives_the_message_up(
    server: SqsServer, queue: SqsQueue, message: Message
) -> None:
    server.will({})
    await queue.retry(message, 1.2)
    ((operation, asked),) = server.calls
    assert (operation, asked["VisibilityTimeout"]) == ("ChangeMessageVisibility", 2)
    assert await queue.complete([message]) == [message]


async def test_a_message_is_held_for_twelve_hours_at_most(
    server: SqsServer, queue: SqsQueue, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    for hours, hidden in ((11.999, 3), (12, None)):
        monkeypatch.setattr(time, "monotonic", lambda at=began + hours * 3600: at)
        message.receipt.hidden_until = time.monotonic() + 1  # type: ignore[attr-defined]  # the adapter knows what it is
        if hidden is None:
            with pytest.raises(LockLost, match="as long as SQS allows"):
                await queue.extend(message)
        else:
            server.will({})
            await queue.extend(message)
            assert hidden - 1 <= server.calls[0][1]["VisibilityTimeout"] <= hidden + 1


async def test_complete_deletes_by_the_ten_and_says_what_was_lost(
    server: SqsServer, queue: SqsQueue
) -> None:
    every = [RECEIVED | {"ReceiptHandle": f"handle-{number}"} for number in range(12)]
    server.will({"Messages": every}, answer(e3="ReceiptHandleIsInvalid"), answer())
    messages = await queue.receive(10, 0)
    server.calls.clear()
    assert await queue.complete(messages) == [messages[3]]
    assert [len(handles) for handles in receipts(server)] == [10, 2]


async def test_what_fails_at_sqs_is_tried_again_alone(server: SqsServer, queue: SqsQueue) -> None:
    every = [RECEIVED | {"ReceiptHandle": f"handle-{number}"} for number in range(3)]
    server.will({"Messages": every}, answer(e1="InternalError"), answer())
    messages = await queue.receive(10, 0)
    server.calls.clear()
    assert await queue.complete(messages) == []
    assert receipts(server) == [["handle-0", "handle-1", "handle-2"], ["handle-1"]]


async def test_what_keeps_failing_is_an_unavailable_broker(
    server: SqsServer, queue: SqsQueue, message: Message
) -> None:
    server.will(*[answer(e0="InternalError")] * 3)
    with pytest.raises(BrokerUnavailable, match="1 messages"):
        await queue.complete([message])


async def test_a_dead_letter_is_copied_before_it_is_deleted(
    server: SqsServer, queue: SqsQueue, message: Message
) -> None:
    server.will(answer(), answer())
    await queue.dead_letter(message, "permanent", "no such invoice \x00 " + "x" * 2000)
    (sent, copy), (deleted, _) = server.calls
    assert (sent, deleted) == ("SendMessageBatch", "DeleteMessageBatch")
    assert copy["QueueUrl"] == DEAD_URL
    (entry,) = copy["Entries"]
    texts = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
    assert texts.pop("dead_letter_description") == "x" * 1024
    assert texts == {
        "task": "send",
        "dead_letter_reason": "permanent",
        "first_id": "id-1",
        "sent_at": "1700000000.500",
        "delivery_count": "3",
    }


async def test_a_dead_letter_has_room_for_all_attributes_of_a_task(message: Message) -> None:
    names = ("task", "idempotency_key", "content_type", "traceparent", "tracestate")
    sent = dict.fromkeys(names, "1")
    attributes = dead_letter_attributes(replace(message, attributes=sent), "permanent", "why")
    assert len(attributes) == 10
    assert without_dead_letter(attributes) == sent


@pytest.mark.parametrize(("spare", "explained"), [(1000, True), (10, False), (0, False)])
async def test_a_message_without_room_for_a_reason_is_set_aside_all_the_same(
    message: Message, spare: int, explained: bool
) -> None:
    """SQS would refuse the larger copy, and the message would come back again and again."""
    own = sum(len(name) + len("String") + len(text) for name, text in message.attributes.items())
    large = replace(message, body=b"x" * (1_048_576 - own - spare))
    attributes = dead_letter_attributes(large, "permanent", "no such invoice")
    assert attributes.items() >= message.attributes.items()
    assert ("dead_letter_reason" in attributes) == explained
    size = sum(len(name) + len("String") + len(text) for name, text in attributes.items())
    assert len(large.body) + size <= 1_048_576


async def test_a_dead_letter_that_cannot_be_copied_is_kept(
    server: SqsServer, queue: SqsQueue, message: Message
) -> None:
    server.will_refuse("AccessDenied")
    with pytest.raises(BrokerUnavailable):
        await queue.dead_letter(message, "permanent", "")
    assert server.operations == ["SendMessageBatch"]


async def test_a_poison_message_with_ten_attributes_still_gets_a_reason(
    server: SqsServer, queue: SqsQueue
) -> None:
    many = {f"a{number}": {"DataType": "String", "StringValue": "1"} for number in range(10)}
    server.will({"Messages": [RECEIVED | {"MessageAttributes": many}]}, answer(), answer())
    (message,) = await queue.receive(1, 0)
    await queue.dead_letter(message, "malformed", "not ours")
    (entry,) = server.calls[1][1]["Entries"]
    assert len(entry["MessageAttributes"]) == 10
    assert {"dead_letter_reason", "dead_letter_description"} < entry["MessageAttributes"].keys()


async def test_messages_are_sent_by_the_ten_and_within_one_mebibyte(
    server: SqsServer, queue: SqsQueue
) -> None:
    server.will(*[answer()] * 4)
    await queue.send([OutgoingMessage(b"{}", {"task": "send"})] * 12)
    await queue.send([OutgoingMessage(b"x" * 524_000, {})] * 3)
    assert [len(body["Entries"]) for _, body in server.calls] == [10, 2, 2, 1]


async def test_only_what_was_not_taken_is_sent_again(server: SqsServer, queue: SqsQueue) -> None:
    server.will(answer(e1="InternalError"), answer())
    await queue.send([OutgoingMessage(str(number).encode(), {}) for number in range(3)])
    sent = [[entry["MessageBody"] for entry in body["Entries"]] for _, body in server.calls]
    assert sent == [["0", "1", "2"], ["1"]]


async def test_a_message_that_sqs_refuses_is_the_senders_fault(
    server: SqsServer, queue: SqsQueue
) -> None:
    failed = {"Id": "0", "Code": "InvalidMessageContents", "Message": "bad", "SenderFault": True}
    server.will({"Successful": [], "Failed": [failed]})
    with pytest.raises(ValueError, match="InvalidMessageContents"):
        await queue.send([OutgoingMessage(b"\xef\xbf\xbf", {})])
    server.will_refuse("BatchRequestTooLong")
    with pytest.raises(ValueError, match="BatchRequestTooLong"):
        await queue.send([OutgoingMessage(b"{}", {})])


@pytest.mark.parametrize(
    "message",
    [
        OutgoingMessage(b"{}", {}, delay_seconds=901),
        OutgoingMessage(b"{}", {}, group="g"),
        OutgoingMessage(b"{}", {str(number): "1" for number in range(11)}),
        OutgoingMessage(b"\xff", {}),
    ],
)
async def test_what_sqs_cannot_carry_is_refused_here(
    queue: SqsQueue, message: OutgoingMessage
) -> None:
    with pytest.raises(ValueError, match=r"SQS|ordered|decode"):
        await queue.send([message])


async def test_an_ordered_queue_sends_one_message_of_a_group_at_a_time(
    server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch, single messages fail; a later one must not overtake them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    queue = SqsQueue(f"{URL}.fifo", f"{DEAD_URL}.fifo", lock_seconds=30, region="eu-west-1")
    server.will(*[answer()] * 3)
    await queue.send([OutgoingMessage(group.encode(), {}, group=group) for group in "aabcb"])
    sent = [[entry["MessageGroupId"] for entry in body["Entries"]] for _, body in server.calls]
    assert sent == [["a"], ["a", "b", "c"], ["b"]]
    identities = {
        entry["MessageDeduplicationId"] for _, body in server.calls for entry in body["Entries"]
    }
    assert len(identities) == 5
    await queue.close()


async def test_an_ordered_queue_is_asked_for_one_message_at_a_time(
    server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of its group that came along would have to be given back, as attempts of theirs."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    queue = SqsQueue(f"{URL}.fifo", f"{DEAD_URL}.fifo", lock_seconds=30, region="eu-west-1")
    server.will({"Messages": []})
    await queue.receive(10, 0)
    assert [body["MaxNumberOfMessages"] for _, body in server.calls] == [1]
    await queue.close()


@pytest.mark.parametrize("broken", [{"group": None}, {"delay_seconds": 5.0}])
async def test_an_ordered_queue_needs_groups_and_takes_no_delays(broken: dict[str, Any]) -> None:
    queue = SqsQueue(f"{URL}.fifo", f"{DEAD_URL}.fifo", lock_seconds=30, region="eu-west-1")
    with pytest.raises(ValueError, match="ordered"):
        await queue.send([OutgoingMessage(b"{}", {}, **{"group": "g", **broken})])


async def test_redrive_sends_before_it_deletes(server: SqsServer, queue: SqsQueue) -> None:
    reason = {"dead_letter_reason": {"DataType": "String", "StringValue": "permanent"}}
    letter = RECEIVED | {"MessageAttributes": {**reason, **RECEIVED["MessageAttributes"]}}  # type: ignore[dict-item]  # RECEIVED holds values of several types
    server.will({"Messages": [letter]}, answer(), answer())
    assert await queue.redrive(1) == 1
    assert server.operations == ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"]
    (_, asked), (_, sent), (_, deleted) = server.calls
    assert (asked["QueueUrl"], sent["QueueUrl"], deleted["QueueUrl"]) == (DEAD_URL, URL, DEAD_URL)
    assert sent["Entries"][0]["MessageAttributes"].keys() == {"task"}


async def test_what_redrive_could_not_send_is_shown_again_at_once(
    server: SqsServer, queue: SqsQueue
) -> None:
    server.will({"Messages": [RECEIVED]}, *[answer(e0="InternalError")] * 3, answer())
    with pytest.raises(BrokerUnavailable, match="1 messages"):
        await queue.redrive(1)
    assert server.operations[-1] == "ChangeMessageVisibilityBatch"
    (entry,) = server.calls[-1][1]["Entries"]
    assert entry["ReceiptHandle"] == "handle-1"


async def test_a_letter_that_comes_again_is_held_back_until_the_end(
    server: SqsServer, queue: SqsQueue
) -> None:
    first_id = {"DataType": "String", "StringValue": "id-2"}
    again = RECEIVED | {
        "MessageId": "id-3",
        "ReceiptHandle": "handle-3",
        "MessageAttributes": {"first_id": first_id},
    }
    sent = {"Successful": [{"Id": "0", "MessageId": "id-2"}], "Failed": []}
    server.will({"Messages": [RECEIVED]}, sent, answer(), {"Messages": [again]}, {}, answer())
    assert await queue.redrive(10) == 1
    assert server.operations[3:] == [
        "ReceiveMessage",
        "ReceiveMessage",
        "ChangeMessageVisibilityBatch",
    ]
    (entry,) = server.calls[-1][1]["Entries"]
    assert entry["ReceiptHandle"] == "handle-3"


async def test_a_dead_letter_that_sqs_moved_by_itself_says_so(
    server: SqsServer, queue: SqsQueue
) -> None:
    moved = {**RECEIVED["Attributes"], "DeadLetterQueueSourceArn": "arn:aws:sqs:::tasks"}  # type: ignore[dict-item]  # RECEIVED holds values of several types
    server.will({"Messages": [RECEIVED | {"Attributes": moved}]}, answer())
    (letter,) = await queue.dead_letters(1)
    assert (letter.reason, letter.delivery_count) == ("never_answered", 3)
    assert server.operations == ["ReceiveMessage", "ChangeMessageVisibilityBatch"]


async def test_the_age_of_the_oldest_message_is_unknown_unless_there_is_none(
    server: SqsServer, queue: SqsQueue
) -> None:
    for visible, age in (("7", None), ("0", 0.0)):
        counts = dict.fromkeys(sqs_calls.COUNTS, "0") | {sqs_calls.COUNTS[0]: visible}
        server.will({"Attributes": counts}, {"Attributes": counts})
        stats = await queue.stats()
        assert (stats.visible, stats.oldest_age_seconds) == (int(visible), age)
