"""What an ordered queue promises besides."""

import pytest

from invoices.queue import OutgoingMessage, Queue

from .messages import Messages

pytestmark = pytest.mark.parametrize("ordered", [True], indirect=True)


async def test_a_group_comes_in_its_order(queue: Queue, messages: Messages) -> None:
    texts = [str(number) for number in range(5)]
    for text in texts:
        await messages.send(text, group="a")
    for text in texts:
        message = await messages.one()
        assert (message.body.decode(), message.group) == (text, "a")
        assert await queue.complete([message]) == []


async def test_a_retried_message_keeps_its_place(queue: Queue, messages: Messages) -> None:
    await messages.send("1", group="b")
    await messages.send("2", group="b")
    first = await messages.one()
    await queue.retry(first, 1)
    again = await messages.one()
    assert (again.body, again.delivery_count) == (b"1", 2)
    assert await queue.complete([again]) == []
    assert await queue.complete([await messages.one()]) == []


async def test_one_message_of_a_group_is_out_at_a_time(queue: Queue, messages: Messages) -> None:
    await messages.send("1", group="f")
    await messages.send("2", group="f")
    first = await messages.one()
    assert await messages.some(10, 0.2) == []
    await queue.release([first])
    again = await messages.one()
    assert (again.body, again.delivery_count) == (b"1", 2)
    assert await queue.complete([again]) == []
    second = await messages.one()
    assert (second.body, second.delivery_count) == (b"2", 1), "the first one's are not its own"
    assert await queue.complete([second]) == []


async def test_another_group_does_not_wait(queue: Queue, messages: Messages) -> None:
    await messages.send("1", group="c")
    held = await messages.one()
    await messages.send("2", group="d")
    other = await messages.one()
    assert (held.group, other.group) == ("c", "d")
    assert await queue.complete([held, other]) == []


async def test_a_second_message_with_the_same_id_is_dropped(
    queue: Queue, messages: Messages
) -> None:
    sent = messages.outgoing("once", group="e")
    twice = OutgoingMessage(sent.body, sent.attributes, 0, sent.group, messages.test)
    await queue.send([twice])
    await queue.send([twice])
    assert await queue.complete([await messages.one()]) == []
    await messages.none_within(1)
