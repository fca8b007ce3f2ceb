"""What every transport promises; see queue/port.py. Upper limits of time are never asserted."""

import asyncio
import time

import pytest

from parcels.queue import (
    LockLost,
    Message,
    OutgoingMessage,
    Queue,
)

from .messages import PATIENCE, Messages

DELAY = 1.0
"""Long enough to see that it is kept; brokers count in whole seconds."""
CLOCKS = 0.2
"""The broker's clock is not ours."""


async def test_a_message_arrives_as_it_was_sent(queue: Queue, messages: Messages) -> None:
    began = time.time()
    text = '{"name": "Zoë \\u0007", "emoji": "\N{SNOWMAN}"}'
    await queue.send([messages.outgoing(text, task="greet", empty="")])
    message = await messages.one()
    assert message.body.decode() == text
    assert message.attributes["task"] == "greet"
    assert message.delivery_count == 1
    assert began - 5 < message.sent_at < time.time() + 5
    assert await queue.complete([message]) == []


async def test_waiting_for_nothing_ends(messages: Messages) -> None:
    assert await messages.some(10, 1) == []


async def test_a_message_ends_the_wait(queue: Queue, messages: Messages) -> None:
    waiting = asyncio.create_task(messages.one())
    await asyncio.sleep(0.2)
    await messages.send("late")
    assert await queue.complete([await waiting]) == []


async def test_no_more_come_than_are_wanted(queue: Queue, messages: Messages) -> None:
    await messages.send("1", "2", "3")
    first = await messages.some(2)
    assert 1 <= len(first) <= 2
    await queue.complete(first + await messages.take(3 - len(first)))


async def test_every_message_is_held_by_one_receiver(queue: Queue, messages: Messages) -> None:
    # Few enough to have all of them before the first lock ends: groups come one after the other.
    texts = [str(number) for number in range(6)]
    await messages.send(*texts)
    both = await asyncio.gather(messages.take(2), messages.take(4))
    received = [message for part in both for message in part]
    assert sorted(messages.bodies(received)) == sorted(texts)
    assert await queue.complete(received) == []
    await messages.none_within(0.5)


async def test_what_is_not_settled_comes_back(queue: Queue, messages: Messages) -> None:
    await messages.send("again")
    first = await messages.one()
    second = await messages.one()
    assert (second.id, second.body, second.sent_at) == (first.id, first.body, first.sent_at)
    assert second.delivery_count == 2
    lost = await queue.complete([first, second])
    assert [id(each) for each in lost] == [id(first)], "it belongs to the second delivery"


async def test_what_came_back_is_lost_for_whoever_had_it(queue: Queue, messages: Messages) -> None:
    await messages.send("late")
    message = await messages.one()
    await messages.lock_ends()
    for attempt in (
        queue.extend(message),
        queue.retry(message, 1),
        queue.dead_letter(message, "r", ""),
    ):
        with pytest.raises(LockLost):
            await attempt
    assert await queue.complete([message]) == [message]
    await queue.release([message])
    again = await messages.one()
    assert await queue.complete([again]) == []
    assert await queue.dead_letters(10) == []


async def test_an_extended_message_stays(queue: Queue, messages: Messages) -> None:
    await messages.send("long")
    message = await messages.one()
    for _ in range(3):
        await messages.none_within(queue.lock_seconds * 0.4)
        await queue.extend(message)
    assert await queue.complete([message]) == []


async def test_a_retry_waits_and_counts(queue: Queue, messages: Messages) -> None:
    await queue.send([messages.outgoing("later", task="greet")])
    first = await messages.one()
    began = time.monotonic()
    await queue.retry(first, DELAY)
    assert await queue.complete([first]) == [first], "given back is not ours"
    second = await messages.one()
    assert time.monotonic() - began > DELAY - CLOCKS
    assert (second.id, second.body, second.delivery_count) == (first.id, first.body, 2)
    assert second.attributes == first.attributes
    assert second.sent_at == pytest.approx(first.sent_at, abs=0.01)
    await queue.retry(second, 0)
    third = await messages.one()
    assert (third.id, third.delivery_count) == (first.id, 3)
    assert await queue.complete([third]) == []


async def test_a_released_message_is_back_at_once(queue: Queue, messages: Messages) -> None:
    await messages.send("not now")
    message = await messages.one()
    await queue.release([message])
    again = await messages.one()
    assert again.id == message.id
    assert await queue.complete([again]) == []


async def test_a_delayed_message_waits(queue: Queue, messages: Messages, ordered: bool) -> None:
    delayed = messages.outgoing("later")
    delayed = OutgoingMessage(delayed.body, delayed.attributes, DELAY, delayed.group)
    if ordered:
        with pytest.raises(ValueError, match="ordered"):
            await queue.send([delayed])
        return
    began = time.monotonic()
    await queue.send([delayed])
    message = await messages.one()
    assert time.monotonic() - began > DELAY - CLOCKS
    assert message.delivery_count == 1
    assert await queue.complete([message]) == []


async def test_dead_letters_are_kept_with_their_reason(queue: Queue, messages: Messages) -> None:
    await queue.send([messages.outgoing("poison", task="greet")])
    message = await messages.one()
    await queue.dead_letter(message, "permanent_error", "no such invoice: Zoë")
    await messages.none_within(0.5)
    for _ in range(2):
        (letter,) = await queue.dead_letters(10)
        assert (letter.reason, letter.description) == ("permanent_error", "no such invoice: Zoë")
        assert (letter.body, letter.attributes) == (message.body, message.attributes)
        assert letter.delivery_count == 1
        assert letter.sent_at == pytest.approx(message.sent_at, abs=0.01)


async def test_the_largest_message_can_be_tried_again_set_aside_and_put_back(
    queue: Queue, messages: Messages, max_bytes: int
) -> None:
    own = messages.outgoing("", task="greet").attributes.items()
    size = max_bytes - sum(len(name) + len(text) for name, text in own)
    await queue.send([messages.outgoing("x" * size, task="greet")])
    for _ in range(2):
        await queue.retry(await messages.one(), 1)
    await queue.dead_letter(await messages.one(), "permanent_error", "y" * 1024)
    (letter,) = await queue.dead_letters(1)
    assert (len(letter.body), letter.reason) == (size, "permanent_error")
    assert letter.description == "y" * 1024
    assert await queue.redrive(1) == 1
    assert await queue.complete([await messages.one()]) == []


async def test_dead_letters_come_back_as_new_messages(queue: Queue, messages: Messages) -> None:
    await messages.send("1", "2", "3")
    for message in await messages.take(3):
        await queue.dead_letter(message, "permanent_error", "")
    assert await queue.redrive(2) == 2
    back = await messages.take(2)
    assert [message.delivery_count for message in back] == [1, 1]
    assert all(message.attributes.keys() == {"test"} for message in back)
    (left,) = await queue.dead_letters(10)
    assert sorted([*messages.bodies(back), left.body.decode()]) == ["1", "2", "3"]
    assert await queue.complete(back) == []


async def test_a_redriven_message_can_fail_again(queue: Queue, messages: Messages) -> None:
    await messages.send("stubborn")
    for _ in range(2):
        await queue.dead_letter(await messages.one(), "permanent_error", "")
        assert await queue.redrive(10) == 1
    assert await queue.complete([await messages.one()]) == []
    assert await queue.dead_letters(10) == []


async def test_a_letter_that_fails_again_meanwhile_is_put_back_once(
    queue: Queue, messages: Messages
) -> None:
    await messages.send("hopeless", "hopeful")
    for message in await messages.take(2):
        await queue.dead_letter(message, "permanent_error", "")
    handled: list[str] = []

    async def work() -> None:
        while True:
            for message in await messages.some(10, 1):
                handled.extend(messages.bodies([message]))
                if message.body == b"hopeless":
                    await queue.dead_letter(message, "permanent_error", "again")
                else:
                    await queue.complete([message])

    worker = asyncio.create_task(work())
    assert await queue.redrive(1000) == 2
    deadline = time.monotonic() + PATIENCE
    while len(handled) < 2 or not await queue.dead_letters(10):
        assert time.monotonic() < deadline, f"handled: {handled}"
        await asyncio.sleep(0.1)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert sorted(handled) == ["hopeful", "hopeless"]
    (letter,) = await queue.dead_letters(10)
    assert (letter.body, letter.description) == (b"hopeless", "again")


async def test_a_dead_letter_is_called_by_the_id_of_its_message(
    queue: Queue, messages: Messages
) -> None:
    """Which is the one that logs show."""
    await messages.send("poison")
    first = await messages.one()
    await queue.retry(first, 1)
    message = await messages.one()
    await queue.dead_letter(message, "permanent_error", "")
    (letter,) = await queue.dead_letters(10)
    assert letter.id == message.id == first.id


async def test_dead_letters_can_be_deleted(queue: Queue, messages: Messages) -> None:
    await messages.send("1", "2")
    for message in await messages.take(2):
        await queue.dead_letter(message, "permanent_error", "")
    assert await queue.purge_dead_letters() == 2
    assert await queue.dead_letters(10) == []
    assert await queue.redrive(10) == 0


async def test_a_cancelled_receive_loses_nothing(queue: Queue, messages: Messages) -> None:
    for _ in range(3):
        receiving = asyncio.create_task(queue.receive(10, 20))
        await asyncio.sleep(0.05)
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
    await messages.send("1", "2", "3")
    received: dict[str, Message] = {}
    while len(received) < 3:  # A poll that ends late may have one of them, and gives it back.
        received |= {message.id: message for message in await messages.take(1)}
        await queue.complete(list(received.values()))
    assert sorted(messages.bodies(list(received.values()))) == ["1", "2", "3"]


async def test_statistics_know_what_is_there(queue: Queue, messages: Messages) -> None:
    await messages.send("1", "2", "3")
    await queue.dead_letter(await messages.one(), "permanent_error", "")
    held = await messages.one()
    stats = await queue.stats()
    assert stats.dead_letters == 1
    # Brokers may not tell how many there are, or which of them are in somebody's hands.
    assert stats.visible is None or stats.visible + (stats.in_flight or 0) >= 2
    assert stats.oldest_age_seconds is None or stats.oldest_age_seconds >= 0
    assert await queue.complete([held]) == []
    # A poll that was cancelled before may have the other in its hands until its lock ends.
    assert await queue.complete(await messages.take(1)) == []


async def test_the_queue_can_be_reached(queue: Queue) -> None:
    await queue.check()


async def test_groups_belong_to_ordered_queues(queue: Queue, ordered: bool) -> None:
    with pytest.raises(ValueError, match="ordered"):
        await queue.send([OutgoingMessage(b"{}", {}, group=None if ordered else "g")])
