"""What queues do with messages, by a clock that stands still until it is told to move."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from standardized_modules.engines.servicebus import codec
from standardized_modules.engines.servicebus.broker import Broker, DeadLetter, Message, Queue, State
from standardized_modules.engines.servicebus.errors import (
    MessageLockLostError,
    MessageNotFoundError,
    NotAllowedError,
    NotFoundError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from standardized_modules.engines.servicebus.message import Content, parse
from standardized_modules.engines.servicebus.settings import QueueSettings
from standardized_modules.engines.servicebus.store import Store


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Text:
    """The content of a message, as far as the broker cares."""

    body: str
    session_id: str | None = None
    message_id: str | None = None
    time_to_live: float | None = None
    scheduled_for: float | None = None


@dataclass
class Bench:
    clock: Clock = field(default_factory=Clock)

    def queue(self, **options: object) -> Queue[Text]:
        self.broker: Broker[Text] = Broker(
            [QueueSettings(**{"name": "q", "lock_duration": 10.0, **options})], self.clock
        )  # type: ignore[arg-type]
        return self.broker.queue("q")

    def wait(self, seconds: float) -> list[UUID]:
        self.clock.now += seconds
        return self.broker.expire()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def take(queue: Queue[Text], session: UUID | None = None) -> tuple[Message[Text], UUID]:
    message = queue.receive(session)
    assert message
    assert message.lock
    return message, message.lock.token


def rest(queue: Queue[Text]) -> list[str]:
    return [message.content.body for message in queue.messages.values()]


def dead(queue: Queue[Text]) -> list[tuple[str, DeadLetter | None]]:
    assert queue.dead_letters
    return [(message.content.body, message.dead_letter) for message in queue.dead_letters.messages.values()]


class TestLocks:
    def test_a_message_goes_to_one_receiver(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a")])
        _, token = take(queue)
        assert queue.receive() is None
        queue.complete(token)
        assert rest(queue) == []
        with pytest.raises(MessageLockLostError):
            queue.complete(token)

    def test_expiry_is_sharp_and_counts(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a")])
        message, token = take(queue)
        bench.wait(9.999)
        assert queue.receive() is None
        assert message.lock
        assert queue.next_moment() == message.lock.until
        bench.clock.now += 0.001
        with pytest.raises(MessageLockLostError):
            queue.complete(token)  # nobody has called expire
        again, _ = take(queue)
        assert (again.content.body, again.delivery_count) == ("a", 1)

    def test_renewing_starts_the_time_anew(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a"), Text("b")])
        _, first = take(queue)
        _, second = take(queue)
        bench.wait(6)
        assert queue.renew(first) == bench.clock.now + 10
        bench.wait(6)
        queue.complete(first)
        with pytest.raises(MessageLockLostError):
            queue.complete(second)

    def test_abandoned_and_released_messages_keep_their_place(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a"), Text("b"), Text("c")])
        tokens = [take(queue)[1] for _ in range(3)]
        queue.release(tokens[1])
        queue.abandon(tokens[0])
        assert [(take(queue)[0].content.body, count) for count in (1, 0)] == [("a", 1), ("b", 0)]

    def test_deliveries_are_limited(self, bench: Bench) -> None:
        queue = bench.queue(max_delivery_count=2)
        queue.send([Text("a")])
        queue.abandon(take(queue)[1])
        take(queue)
        bench.wait(10)
        assert rest(queue) == []
        ((body, why),) = dead(queue)
        assert body == "a"
        assert why
        assert why.reason == "MaxDeliveryCountExceeded"

    def test_releasing_is_no_delivery(self, bench: Bench) -> None:
        queue = bench.queue(max_delivery_count=1)
        queue.send([Text("a")])
        for _ in range(5):
            queue.release(take(queue)[1])
        assert rest(queue) == ["a"]

    def test_receive_and_delete(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a")])
        message = queue.receive_and_delete()
        assert message
        assert message.lock is None
        assert rest(queue) == []
        assert queue.receive_and_delete() is None


class TestDeadLetters:
    def test_they_are_a_queue_of_their_own(self, bench: Bench) -> None:
        queue = bench.queue(max_delivery_count=1, time_to_live=5.0)
        letters = bench.broker.queue("Q/$DeadLetterQueue")
        queue.send([Text("a")])
        queue.dead_letter(take(queue)[1], "why", "because")
        assert dead(queue) == [("a", DeadLetter("why", "because"))]
        for _ in range(3):
            letters.abandon(take(letters)[1])
        bench.wait(100)  # they have no time to live either
        message, token = take(letters)
        assert (message.delivery_count, message.number) == (3, 1)
        with pytest.raises(NotAllowedError):
            letters.dead_letter(token, None, None)
        letters.complete(token)
        assert dead(queue) == []

    def test_nobody_sends_to_them(self, bench: Bench) -> None:
        queue = bench.queue()
        assert queue.dead_letters
        with pytest.raises(NotAllowedError):
            queue.dead_letters.send([Text("a")])


class TestDeferring:
    def test_only_who_asks_gets_it(self, bench: Bench) -> None:
        queue = bench.queue(max_delivery_count=2)
        queue.send([Text("a")])
        message, token = take(queue)
        queue.defer(token)
        assert queue.receive() is None
        with pytest.raises(MessageNotFoundError):
            queue.receive_deferred([message.number, 99])
        (again,) = queue.receive_deferred([message.number])
        assert again.delivery_count == 0
        with pytest.raises(MessageNotFoundError):
            queue.receive_deferred([message.number])  # it is locked
        bench.wait(10)
        assert queue.receive() is None  # back among the deferred ones
        (again,) = queue.receive_deferred([message.number])
        assert again.lock
        queue.abandon(again.lock.token)
        assert dead(queue)[0][0] == "a"

    def test_deferred_messages_have_no_end(self, bench: Bench) -> None:
        queue = bench.queue()
        queue.send([Text("a", time_to_live=1)])
        queue.defer(take(queue)[1])
        bench.wait(100)
        assert queue.receive_deferred([1], delete=True)[0].content.body == "a"
        assert rest(queue) == []


class TestTime:
    def test_scheduled_messages(self, bench: Bench) -> None:
        queue = bench.queue()
        late, soon, gone = queue.send(
            [Text(name, scheduled_for=bench.clock.now + at) for name, at in (("late", 9), ("soon", 5), ("gone", 7))]
        )
        queue.send([Text("now"), Text("past", scheduled_for=bench.clock.now - 1)])
        queue.cancel_scheduled([gone])
        assert [take(queue)[0].content.body for _ in range(2)] == ["now", "past"]
        assert queue.next_moment() == bench.clock.now + 5
        bench.wait(5)
        message, _ = take(queue)
        assert (message.content.body, message.number, message.enqueued_at) == ("soon", 6, bench.clock.now)
        assert queue.receive() is None
        for number in (soon, gone):
            with pytest.raises(MessageNotFoundError):
                queue.cancel_scheduled([late, number])
        assert late in queue.messages  # all or none

    def test_time_to_live_is_the_shorter_one(self, bench: Bench) -> None:
        queue = bench.queue(time_to_live=10.0, dead_letter_on_expiration=True)
        queue.send([Text("queue's"), Text("own", time_to_live=3), Text("queue's, too", time_to_live=60)])
        bench.wait(3)
        assert [body for body, _ in dead(queue)] == ["own"]
        bench.wait(7)
        assert [body for body, _ in dead(queue)] == ["own", "queue's", "queue's, too"]
        assert {why.reason for _, why in dead(queue) if why} == {"TTLExpiredException"}

    def test_without_dead_lettering_they_vanish(self, bench: Bench) -> None:
        queue = bench.queue(time_to_live=1.0)
        queue.send([Text("a")])
        bench.wait(1)
        assert rest(queue) == []
        assert dead(queue) == []

    def test_time_of_a_scheduled_message_starts_when_it_is_enqueued(self, bench: Bench) -> None:
        queue = bench.queue(time_to_live=10.0)
        queue.send([Text("a", scheduled_for=bench.clock.now + 20)])
        bench.wait(20)
        bench.wait(9)
        assert rest(queue) == ["a"]
        bench.wait(1)
        assert rest(queue) == []

    def test_a_locked_message_ends_when_its_lock_does(self, bench: Bench) -> None:
        queue = bench.queue(time_to_live=1.0)
        queue.send([Text("a"), Text("b")])
        tokens = [take(queue)[1] for _ in range(2)]
        bench.wait(5)
        queue.complete(tokens[0])
        assert rest(queue) == ["b"]
        queue.abandon(tokens[1])
        assert rest(queue) == []

    def test_duplicates(self, bench: Bench) -> None:
        queue = bench.queue(duplicate_detection_window=10.0)
        queue.send([Text("a", message_id="1"), Text("b", message_id="1"), Text("c", message_id="2"), Text("d")])
        queue.send([Text("e")])  # without an id nothing is a duplicate
        assert rest(queue) == ["a", "c", "d", "e"]
        queue.complete(take(queue)[1])
        queue.send([Text("again", message_id="1")])
        assert rest(queue) == ["c", "d", "e"]
        bench.wait(10)
        queue.send([Text("later", message_id="1")])
        assert rest(queue) == ["c", "d", "e", "later"]
        bench.wait(10)
        assert queue.seen == {}

    def test_entries_of_messages_that_are_done_do_not_pile_up(self, bench: Bench) -> None:
        queue = bench.queue(time_to_live=1e6)
        for _ in range(1000):
            queue.send([Text("a")])
            queue.complete(take(queue)[1])
        assert len(queue._expiring) < 100
        assert len(queue._ready) == 0


class TestSessions:
    def test_one_holder_and_order(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text(name, session_id=name[0]) for name in ("a1", "b1", "a2", "b2")])
        first, second = queue.accept_session(None), queue.accept_session(None)
        assert first
        assert second
        assert (first.id, second.id) == ("a", "b")
        assert queue.accept_session(None) is None
        with pytest.raises(SessionCannotBeLockedError):
            queue.accept_session("a")
        assert [take(queue, first.holder)[0].content.body for _ in range(2)] == ["a1", "a2"]
        assert queue.receive(first.holder) is None
        with pytest.raises(SessionLockLostError):
            queue.receive(None)

    def test_a_named_session_need_not_exist(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        session = queue.accept_session("new")
        assert session
        assert queue.receive(session.holder) is None
        assert session.holder
        queue.release_session(session.holder)
        assert queue.sessions == {}

    def test_closing_is_no_failure_but_expiry_is(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text("a", session_id="s")])

        def visit() -> tuple[UUID, Message[Text], UUID]:
            session = queue.accept_session("s")
            assert session
            assert session.holder
            return session.holder, *take(queue, session.holder)

        holder, message, token = visit()
        queue.release_session(holder)
        assert message.delivery_count == 0
        with pytest.raises(MessageLockLostError):
            queue.complete(token)
        holder, message, token = visit()
        assert bench.wait(10) == [holder]
        assert message.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            queue.complete(token)
        queue.release_session(holder)  # its link closes late
        _, _, token = visit()
        queue.complete(token)

    def test_a_lock_that_expired_unseen_is_reported_too(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        late = queue.accept_session("s")
        assert late
        holder = late.holder
        bench.clock.now += 10
        assert queue.accept_session("s")
        assert bench.wait(0) == [holder]

    def test_renewing_and_state(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        session = queue.accept_session("s")
        assert session
        holder = session.holder
        bench.wait(9)
        assert queue.renew_session(holder) == bench.clock.now + 10
        bench.wait(9)
        queue.set_session_state(holder, b"x")
        assert queue.session_of(holder).state == b"x"
        bench.wait(1)
        for call in (queue.renew_session, queue.session_of, lambda each: queue.set_session_state(each, b"")):
            with pytest.raises(SessionLockLostError):
                call(holder)
        again = queue.accept_session("s")
        assert again
        assert again.state == b"x"

    def test_settling_needs_the_session(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text("a", session_id="s")])
        session = queue.accept_session("s")
        assert session
        _, token = take(queue, session.holder)
        with pytest.raises(NotAllowedError):
            queue.renew(token)
        bench.clock.now += 10
        with pytest.raises(SessionLockLostError):
            queue.complete(token)

    def test_deferred_messages_belong_to_their_session(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text("a", session_id="a"), Text("b", session_id="b")])
        first, second = queue.accept_session("a"), queue.accept_session("b")
        assert first
        assert second
        queue.defer(take(queue, first.holder)[1])
        with pytest.raises(MessageNotFoundError):
            queue.receive_deferred([1], second.holder)
        with pytest.raises(SessionLockLostError):
            queue.receive_deferred([1], None)
        assert queue.receive_deferred([1], first.holder)

    def test_sessions_whose_messages_have_gone_are_not_offered(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text("a", session_id="a", time_to_live=1), Text("b", session_id="b")])
        bench.wait(1)
        session = queue.accept_session(None)
        assert session
        assert session.id == "b"

    def test_messages_without_a_session_are_refused(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        with pytest.raises(NotAllowedError):
            queue.send([Text("a", session_id="s"), Text("b")])
        assert rest(queue) == []  # all or none

    def test_listing(self, bench: Bench) -> None:
        queue = bench.queue(requires_session=True)
        queue.send([Text("a", session_id=name) for name in "cab"])
        session = queue.accept_session("state")
        assert session
        queue.set_session_state(session.holder, b"x")
        assert queue.list_sessions(None, 0, 3) == ["a", "b", "c"]
        assert queue.list_sessions(None, 3, 3) == ["state"]
        assert queue.list_sessions(bench.clock.now - 1, 0, 9) == ["state"]
        assert queue.list_sessions(bench.clock.now, 0, 9) == []


def test_names(bench: Bench) -> None:
    broker: Broker[Text] = Broker([QueueSettings(name="Orders")], bench.clock)
    assert broker.queue("/ORDERS/") is broker.queue("orders")
    for name in ("other", "orders/$other", "$deadletterqueue", ""):
        with pytest.raises(NotFoundError):
            broker.queue(name)


def test_peek(bench: Bench) -> None:
    queue = bench.queue()
    queue.send([Text(name, session_id=name) for name in "abcd"])
    take(queue)
    queue.defer(take(queue)[1])
    assert [(each.content.body, each.state) for each in queue.peek(2, 2)] == [
        ("b", State.DEFERRED),
        ("c", State.ACTIVE),
    ]
    assert [each.content.body for each in queue.peek(0, 9, "d")] == ["d"]
    assert queue.peek(5, 9) == []


def wire_content(body: str, session_id: str | None, ttl: int | None, due: float | None) -> Content:
    """A message as a client would send it."""
    header = [True, codec.UByte(4), None if ttl is None else codec.UInt(ttl * 1000)]
    parts = [codec.encode_described(0x70, codec.encode(header))]
    if due is not None:
        name = codec.Symbol("x-opt-scheduled-enqueue-time")
        parts.append(codec.encode_described(0x72, codec.encode({name: codec.Timestamp.of(due)})))
    parts.append(codec.encode_described(0x73, codec.encode([body, *[None] * 9, session_id])))
    parts.append(codec.encode_described(0x75, codec.encode(body.encode())))
    return parse(b"".join(parts))


class AnyOrder(RuleBasedStateMachine):
    """Whatever clients do, in whatever order, with restarts in between: each message is in exactly one place."""

    tokens = Bundle("tokens")

    @initialize(sessions=some.booleans(), dead=some.booleans(), limit=some.integers(1, 3))
    def declare(self, sessions: bool, dead: bool, limit: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="sm-servicebus-")
        self.clock = Clock()
        self.settings = QueueSettings(
            name="q",
            lock_duration=10,
            max_delivery_count=limit,
            dead_letter_on_expiration=dead,
            requires_session=sessions,
        )
        self.sent: set[str] = set()
        self.done: set[str] = set()
        self.may_expire: set[str] = set()
        self.last: dict[str, int] = {}
        self.open()

    def open(self) -> None:
        self.store = Store(Path(self.folder.name))
        self.broker: Broker[Content] = Broker([self.settings], self.clock)
        self.store.load(self.broker)
        self.queue = self.broker.queue("q")
        self.holders: list[UUID] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(
        session=some.sampled_from("ab"),
        ttl=some.none() | some.integers(1, 30),
        due=some.none() | some.integers(-5, 20),
        number=some.integers(1, 3),
    )
    def send(self, session: str, ttl: int | None, due: int | None, number: int) -> None:
        bodies = [f"m{len(self.sent) + each}" for each in range(number)]
        when = None if due is None else self.clock.now + due
        self.queue.send([wire_content(body, session, ttl, when) for body in bodies])
        self.sent.update(bodies)
        if ttl is not None and not self.settings.dead_letter_on_expiration:
            self.may_expire.update(bodies)

    @precondition(lambda self: self.settings.requires_session)
    @rule(name=some.none() | some.sampled_from("ab"))
    def accept(self, name: str | None) -> None:
        try:
            session = self.queue.accept_session(name)
        except SessionCannotBeLockedError:
            return
        if session and session.holder:
            self.holders.append(session.holder)

    @precondition(lambda self: self.holders)
    @rule(data=some.data())
    def leave(self, data: some.DataObject) -> None:
        self.queue.release_session(data.draw(some.sampled_from(self.holders)))

    @rule(target=tokens, data=some.data(), deletes=some.booleans(), dead=some.booleans())
    def receive(self, data: some.DataObject, deletes: bool, dead: bool) -> tuple[bool, UUID]:
        holder = data.draw(some.sampled_from([None, *self.holders]))
        queue = self.queue.dead_letters if dead else self.queue
        assert queue
        try:
            message = queue.receive_and_delete(holder) if deletes else queue.receive(holder)
        except SessionLockLostError:
            return dead, uuid4()
        if message is None:
            return dead, uuid4()
        assert message.state is State.ACTIVE
        if deletes:
            self.finish(message)
        return dead, message.lock.token if message.lock else uuid4()

    @rule(token=consumes(tokens), how=some.sampled_from(["complete", "abandon", "release", "defer", "dead_letter"]))
    def settle(self, token: tuple[bool, UUID], how: str) -> None:
        queue = self.queue.dead_letters if token[0] else self.queue
        assert queue
        held = queue._locks.get(token[1])
        arguments = ("why", None) if how == "dead_letter" else ()
        try:
            getattr(queue, how)(token[1], *arguments)
        except (MessageLockLostError, SessionLockLostError, NotAllowedError):
            return
        assert held
        if how == "complete":
            self.finish(held)

    @rule(data=some.data())
    def fetch_deferred(self, data: some.DataObject) -> None:
        numbers = [each.number for each in self.queue.messages.values() if each.state is State.DEFERRED]
        if numbers:
            holder = data.draw(some.sampled_from([None, *self.holders]))
            try:
                for message in self.queue.receive_deferred(
                    [data.draw(some.sampled_from(numbers))], holder, delete=True
                ):
                    self.finish(message)
            except (MessageNotFoundError, SessionLockLostError):
                return

    @rule(seconds=some.integers(1, 12))
    def wait(self, seconds: int) -> None:
        moment = self.broker.next_moment()
        assert moment is None or moment > self.clock.now, "something was due, and is not done"
        self.clock.now += seconds
        self.broker.expire()

    @rule()
    def restart(self) -> None:
        before = self.picture()
        self.store.save(self.broker)
        self.store.close()
        self.open()
        assert self.picture() == before
        self.broker.expire()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert self.queue.dead_letters
        alive = [m.content.message_id for queue in self.broker for m in queue.messages.values()]
        assert len(alive) == len(set(alive))
        assert not self.done & set(alive)
        missing = self.sent - self.done - set(alive)
        assert missing <= self.may_expire

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "queue"):
            return
        for queue in self.broker:
            for number, message in queue.messages.items():
                assert message.number == number <= queue.last_number
                assert (message.dead_letter is not None) == (queue.dead_letters is None)
                if message.lock:
                    assert queue._locks[message.lock.token] is message
                elif message.state is State.ACTIVE:
                    session = queue.sessions.get(message.content.session_id or "")
                    waiting = session.ready if queue.sessions_required and session else queue._ready
                    assert number in waiting
                    if queue.sessions_required:
                        assert session
                        assert session.holder or session.id in queue._available
                assert queue.dead_letters is None or message.delivery_count < self.settings.max_delivery_count
            assert len(queue._locks) == sum(message.lock is not None for message in queue.messages.values())

    def finish(self, message: Message[Content]) -> None:
        body = message.content.message_id or ""
        assert body not in self.done
        self.done.add(body)

    def picture(self) -> list[object]:
        rows: list[object] = []
        for queue in self.broker:
            rows.append((queue.name, queue.last_number))
            for message in sorted(queue.messages.values(), key=lambda each: each.number):
                stored = (message.content.message_id, message.state, message.delivery_count, message.dead_letter)
                rows.append((message.number, message.enqueued_at, message.expires_at, *stored))
        return rows


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
