"""What a Service Bus queue does with messages: locks, counts, sessions, dead letters, time.

No input or output, no timers and no clock of its own: everything that depends on time happens in `Broker.expire` or
when somebody asks, and the time comes from outside. What is here is what Microsoft documents about queues
(https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement and its neighbours).
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, Protocol, TypeVar
from uuid import UUID, uuid4

from standardized_modules.engines.servicebus.errors import (
    MessageLockLostError,
    MessageNotFoundError,
    NotAllowedError,
    NotFoundError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from standardized_modules.engines.servicebus.settings import QueueSettings

Clock = Callable[[], float]

DEAD_LETTERS = "/$deadletterqueue"


class Content(Protocol):
    """What the broker has to know about a message's content."""

    @property
    def message_id(self) -> str | None:
        """The sender's name for it."""

    @property
    def session_id(self) -> str | None:
        """The session that it belongs to."""

    @property
    def time_to_live(self) -> float | None:
        """Seconds that it may wait."""

    @property
    def scheduled_for(self) -> float | None:
        """UNIX seconds at which it shall be enqueued."""


C = TypeVar("C", bound=Content)
T = TypeVar("T")


class State(IntEnum):
    """Where a message stands; the numbers are the wire's (`x-opt-message-state`)."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a message is where it is."""

    reason: str | None
    description: str | None


@dataclass(slots=True, eq=False)
class Lock:
    """A receiver's hold on a message. In a session it lasts as long as the session's."""

    token: UUID
    until: float
    session: Session | None = None


@dataclass(slots=True, eq=False)
class Message(Generic[C]):
    """A message in a queue."""

    number: int
    content: C
    enqueued_at: float
    expires_at: float | None = None
    state: State = State.ACTIVE
    delivery_count: int = 0
    """Deliveries that ended without a settlement."""
    dead_letter: DeadLetter | None = None
    lock: Lock | None = None


@dataclass(slots=True, eq=False)
class Session:
    """A session: its state, its lock and which of its messages wait."""

    id: str
    ready: list[int]
    """Numbers, as a heap."""
    state: bytes | None = None
    updated_at: float = 0.0
    holder: UUID | None = None
    until: float = 0.0
    locked: set[UUID] = field(default_factory=set)
    """Tokens of its messages that the holder has."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a queue holds. Active ones include those that are locked, as Service Bus counts them."""

    active: int
    locked: int
    deferred: int
    scheduled: int
    dead_letters: int


class Queue(Generic[C]):
    """A queue, or the dead-letter queue of one (`dead_letters` is None then)."""

    def __init__(self, name: str, settings: QueueSettings, clock: Clock, *, main: bool = True) -> None:
        self.name = name
        self.settings = settings
        self.sessions_required = settings.requires_session and main
        self.dead_letters: Queue[C] | None = Queue(name + DEAD_LETTERS, settings, clock, main=False) if main else None
        self.last_number = 0
        self.messages: dict[int, Message[C]] = {}
        self.sessions: dict[str, Session] = {}
        self.seen: dict[str, float] = {}
        """Message ids of the duplicate detection window, oldest first."""
        self.lost: list[UUID] = []
        """Locks of sessions that have expired: the links that held them must go."""
        self.awake = False
        """Something may be there for a receiver that waits. Whoever serves them sets it back."""
        self.changed: set[int] = set()
        self.changed_sessions: set[str] = set()
        self.changed_ids: set[str] = set()
        self._clock = clock
        self._ready: list[int] = []
        # Locks all last the same time, so that the order of taking and renewing them is the order in which they end.
        self._locks: OrderedDict[UUID, Message[C]] = OrderedDict()
        self._held: OrderedDict[UUID, Session] = OrderedDict()  # in the same order
        self._available: OrderedDict[str, None] = OrderedDict()  # sessions with messages and without a holder
        self._scheduled: list[tuple[float, int]] = []
        self._expiring: list[tuple[float, int]] = []

    # Sending

    def send(self, contents: Iterable[C]) -> list[int]:
        """Take messages in, all or none, and say their numbers.

        A duplicate within the window is dropped silently: its sender has been served before.

        Raises:
            NotAllowedError: One lacks the session that the queue requires.
        """
        contents = list(contents)
        if self.dead_letters is None:
            raise NotAllowedError(f"{self.name} takes no messages from senders")
        if self.sessions_required and not all(content.session_id for content in contents):
            raise NotAllowedError(f"queue {self.name!r} requires sessions, and a message has no session id")
        return [self._enqueue(content) for content in contents]

    def cancel_scheduled(self, numbers: Iterable[int]) -> None:
        """Drop scheduled messages, all or none.

        Raises:
            MessageNotFoundError: One is not there, or has been enqueued.
        """
        for message in self._find(numbers, State.SCHEDULED):
            self._remove(message)

    # Receiving

    def receive(self, session: UUID | None = None) -> Message[C] | None:
        """Lock the next message; with a session's lock, the session's next."""
        self.expire()
        held = self._hold(session) if self.sessions_required else None
        message = self._next(held)
        if message is not None:
            self._lock(message, held)
        return message

    def receive_and_delete(self, session: UUID | None = None) -> Message[C] | None:
        """Take the next message out for good."""
        self.expire()
        message = self._next(self._hold(session) if self.sessions_required else None)
        if message is not None:
            self._remove(message)
        return message

    def receive_deferred(
        self, numbers: Iterable[int], session: UUID | None = None, *, delete: bool = False
    ) -> list[Message[C]]:
        """Lock deferred messages, or take them out, all or none.

        Raises:
            MessageNotFoundError: One is not there, not deferred, or locked.
            SessionLockLostError: The queue requires sessions, and this is no lock of one.
        """
        held = self._hold(session) if self.sessions_required else None
        found = self._find(numbers, State.DEFERRED)
        if any(each.lock or (held and each.content.session_id != held.id) for each in found):
            raise MessageNotFoundError("a message is locked by another receiver or belongs to another session")
        for message in found:
            if delete:
                self._remove(message)
            else:
                self._lock(message, held)
        return found

    def peek(self, from_number: int, count: int, session_id: str | None = None) -> list[Message[C]]:
        """Look at messages in the order of their numbers, whatever their state."""
        # Numbers only grow, and dictionaries keep the order; only dead letters come in another one.
        found: Iterable[Message[C]] = self.messages.values()
        if self.dead_letters is None:
            found = sorted(found, key=lambda message: message.number)
        matching = (
            message
            for message in found
            if message.number >= from_number and (session_id is None or message.content.session_id == session_id)
        )
        return [message for message, _ in zip(matching, range(count), strict=False)]

    # Settling

    def complete(self, token: UUID) -> None:
        """Take the message out: it is done."""
        self._remove(self._locked(token))

    def abandon(self, token: UUID) -> None:
        """Give the message back; that counts as a delivery."""
        self._give_back(self._locked(token), counts=True)

    def release(self, token: UUID) -> None:
        """Give the message back as if it had not been handed out."""
        self._give_back(self._locked(token), counts=False)

    def defer(self, token: UUID) -> None:
        """Put the message aside, for receivers that ask for it by number."""
        message = self._locked(token)
        self._unlock(message)
        message.state = State.DEFERRED
        self.changed.add(message.number)

    def dead_letter(self, token: UUID, reason: str | None, description: str | None) -> None:
        """Move the message to the dead letters."""
        message = self._locked(token)
        if self.dead_letters is None:
            raise NotAllowedError("the message is a dead letter already")
        self._bury(message, reason, description)

    def renew(self, token: UUID) -> float:
        """Make the lock last its full time from now, and say until when."""
        message = self._locked(token)
        assert message.lock
        if message.lock.session:
            raise NotAllowedError("a message of a session is locked by the session's lock")
        message.lock.until = self._clock() + self.settings.lock_duration
        self._locks.move_to_end(token)
        return message.lock.until

    # Sessions

    def accept_session(self, session_id: str | None) -> Session | None:
        """Lock a session by its name, or the next one that has a message; None when there is none.

        Raises:
            SessionCannotBeLockedError: Somebody has it.
        """
        if session_id is None:
            self.expire()
            session_id = self._next_session()
            if session_id is None:
                return None
        session = self._session(session_id)
        if session.holder and session.until > self._clock():
            raise SessionCannotBeLockedError(f"session {session_id!r} is locked by another receiver")
        if session.holder:
            self._lose(session)
            session = self._session(session_id)
        session.holder, session.until = uuid4(), self._clock() + self.settings.lock_duration
        self._held[session.holder] = session
        self._available.pop(session_id, None)
        self.awake = True
        return session

    def release_session(self, holder: UUID) -> None:
        """Let go of a session. Its messages that are not settled go back, and that does not count as a delivery."""
        session = self._held.get(holder)
        if session:
            self._let_go(session, counts=False)

    def renew_session(self, holder: UUID | None) -> float:
        """Make the session's lock last its full time from now, and say until when."""
        session = self._hold(holder)
        session.until = self._clock() + self.settings.lock_duration
        assert session.holder
        self._held.move_to_end(session.holder)
        return session.until

    def session_of(self, holder: UUID | None) -> Session:
        """The session that a lock holds.

        Raises:
            SessionLockLostError: It holds none any more.
        """
        return self._hold(holder)

    def set_session_state(self, holder: UUID | None, state: bytes | None) -> None:
        """Keep bytes with the session, or forget them."""
        session = self._hold(holder)
        session.state, session.updated_at = state, self._clock()
        self.changed_sessions.add(session.id)

    def list_sessions(self, updated_after: float | None, skip: int, top: int) -> list[str]:
        """Sessions that have messages or a state; or those whose state was set after a time."""
        if updated_after is not None:
            found = {each.id for each in self.sessions.values() if each.state and each.updated_at > updated_after}
        else:
            found = {each.content.session_id or "" for each in self.messages.values() if each.state is State.ACTIVE}
            found |= {each.id for each in self.sessions.values() if each.state is not None}
        return sorted(found)[skip : skip + top]

    # Time

    def next_moment(self) -> float | None:
        """When `expire` has something to do."""
        moments = [heap[0][0] for heap in (self._scheduled, self._expiring) if heap]
        if self.sessions_required:
            moments += [session.until for session in _first(self._held)]
        else:
            moments += [message.lock.until for message in _first(self._locks) if message.lock]
        return min(moments, default=None)

    def expire(self) -> None:
        """Do what time brings: end locks, enqueue scheduled messages, end messages."""
        now = self._clock()
        self._end_locks(now)
        while self._scheduled and self._scheduled[0][0] <= now:
            _, number = heapq.heappop(self._scheduled)
            message = self.messages.get(number)
            if message and message.state is State.SCHEDULED:
                self._activate(message, now)
        while self._expiring and self._expiring[0][0] <= now:
            _, number = heapq.heappop(self._expiring)
            message = self.messages.get(number)
            # Deferred messages stay on purpose (documented); a locked one ends when its lock does.
            if message and message.state is State.ACTIVE and not message.lock:
                self._end(message)
        while self.seen and (oldest := next(iter(self.seen.items())))[1] + self._window <= now:
            self._forget(oldest[0])

    def counts(self) -> Counts:
        """How many messages there are in which state."""
        states = [message.state for message in self.messages.values()]
        return Counts(
            active=states.count(State.ACTIVE),
            locked=len(self._locks),
            deferred=states.count(State.DEFERRED),
            scheduled=states.count(State.SCHEDULED),
            dead_letters=len(self.dead_letters.messages) if self.dead_letters else 0,
        )

    # Storing and restoring

    def forget_changes(self) -> None:
        """What has changed is stored."""
        self.changed.clear()
        self.changed_sessions.clear()
        self.changed_ids.clear()

    def restore(self, message: Message[C]) -> None:
        """Take a message in as it was. Locks don't outlive a restart."""
        self.messages[message.number] = message
        self.last_number = max(self.last_number, message.number)
        self._arrange(message)

    def restore_session(self, session_id: str, state: bytes, updated_at: float) -> None:
        """Take the state of a session in."""
        session = self._session(session_id)
        session.state, session.updated_at = state, updated_at

    # Inside

    @property
    def _window(self) -> float:
        return self.settings.duplicate_detection_window or 0.0

    def _enqueue(self, content: C) -> int:
        now = self._clock()
        self.last_number += 1
        message = Message(self.last_number, content, now)
        if self._is_duplicate(content.message_id, now):
            return message.number
        scheduled = content.scheduled_for
        if scheduled is not None and scheduled > now:
            message.state, message.enqueued_at = State.SCHEDULED, scheduled
        message.expires_at = self._expiry(content, message.enqueued_at)
        self.messages[message.number] = message
        self.changed.add(message.number)
        self._arrange(message)
        return message.number

    def _is_duplicate(self, message_id: str | None, now: float) -> bool:
        if self.settings.duplicate_detection_window is None or message_id is None:
            return False
        if self.seen.get(message_id, float("-inf")) + self._window > now:
            return True
        self.seen.pop(message_id, None)
        self.seen[message_id] = now
        self.changed_ids.add(message_id)
        return False

    def _forget(self, message_id: str) -> None:
        del self.seen[message_id]
        self.changed_ids.add(message_id)

    def _expiry(self, content: C, enqueued_at: float) -> float | None:
        lifetimes = [each for each in (content.time_to_live, self.settings.time_to_live) if each is not None]
        return enqueued_at + min(lifetimes) if lifetimes else None

    def _activate(self, message: Message[C], now: float) -> None:
        """Enqueue a scheduled message as if it had just been sent: it gets a new number."""
        self._discard(message)
        self.last_number += 1
        message.number, message.enqueued_at, message.state = self.last_number, now, State.ACTIVE
        message.expires_at = self._expiry(message.content, now)
        self.messages[message.number] = message
        self.changed.add(message.number)
        self._arrange(message)

    def _arrange(self, message: Message[C]) -> None:
        """Put a message where its state says it belongs."""
        if message.state is State.SCHEDULED:
            heapq.heappush(self._scheduled, (message.enqueued_at, message.number))
        elif message.state is State.ACTIVE:
            if message.expires_at is not None and self.dead_letters is not None:
                heapq.heappush(self._expiring, (message.expires_at, message.number))
                # Messages that are done leave their entry behind until it would be due, which may be in weeks.
                if len(self._expiring) > 2 * len(self.messages) + 64:
                    self._expiring = sorted({each for each in self._expiring if each[1] in self.messages})
            if self.sessions_required:
                session = self._session(message.content.session_id or "")
                heapq.heappush(session.ready, message.number)
                if not session.holder:
                    self._available.setdefault(session.id)
            else:
                heapq.heappush(self._ready, message.number)
            self.awake = True

    def _session(self, session_id: str) -> Session:
        return self.sessions.setdefault(session_id, Session(session_id, []))

    def _hold(self, holder: UUID | None) -> Session:
        session = self._held.get(holder) if holder else None
        if session is None or session.until <= self._clock():
            raise SessionLockLostError("the session is not locked, or its lock has expired")
        return session

    def _next(self, session: Session | None) -> Message[C] | None:
        ready = session.ready if session else self._ready
        message = self._peek_ready(ready)
        if message:
            heapq.heappop(ready)
        return message

    def _peek_ready(self, ready: list[int]) -> Message[C] | None:
        """The message that is next; numbers of messages that have gone meanwhile are dropped."""
        while ready:
            message = self.messages.get(ready[0])
            if message and message.state is State.ACTIVE and not message.lock:
                return message
            heapq.heappop(ready)
        return None

    def _next_session(self) -> str | None:
        while self._available:
            session_id = next(iter(self._available))
            if self._peek_ready(self._session(session_id).ready):
                return session_id
            self._available.popitem(last=False)
        return None

    def _lock(self, message: Message[C], session: Session | None) -> None:
        until = session.until if session else self._clock() + self.settings.lock_duration
        message.lock = Lock(uuid4(), until, session)
        self._locks[message.lock.token] = message
        if session:
            session.locked.add(message.lock.token)

    def _locked(self, token: UUID) -> Message[C]:
        message = self._locks.get(token)
        if message is None or message.lock is None:
            raise MessageLockLostError("the lock has expired, or the message has been settled")
        if message.lock.session:
            self._hold(message.lock.session.holder)
        elif message.lock.until <= self._clock():
            raise MessageLockLostError("the lock has expired")
        return message

    def _unlock(self, message: Message[C]) -> None:
        assert message.lock
        del self._locks[message.lock.token]
        if message.lock.session:
            message.lock.session.locked.discard(message.lock.token)
        message.lock = None

    def _give_back(self, message: Message[C], *, counts: bool) -> None:
        self._unlock(message)
        if counts:
            message.delivery_count += 1
            self.changed.add(message.number)
            limit = self.settings.max_delivery_count
            if self.dead_letters is not None and message.delivery_count >= limit:
                reason = f"the message could not be consumed after {limit} delivery attempts"
                self._bury(message, "MaxDeliveryCountExceeded", reason)
                return
        expired = message.expires_at is not None and message.expires_at <= self._clock()
        if expired and message.state is State.ACTIVE and self.dead_letters is not None:
            self._end(message)
        else:
            self._arrange(message)

    def _end_locks(self, now: float) -> None:
        if self.sessions_required:
            for session in _first(self._held, while_=lambda each: each.until <= now):
                self._lose(session)
        else:
            for message in _first(self._locks, while_=lambda each: each.lock is not None and each.lock.until <= now):
                self._give_back(message, counts=True)

    def _lose(self, session: Session) -> None:
        assert session.holder
        self.lost.append(session.holder)
        self._let_go(session, counts=True)

    def _let_go(self, session: Session, *, counts: bool) -> None:
        assert session.holder
        del self._held[session.holder]
        session.holder = None
        for message in sorted((self._locks[token] for token in session.locked), key=lambda each: each.number):
            self._give_back(message, counts=counts)
        if self._peek_ready(session.ready):
            self._available.setdefault(session.id)
            self.awake = True
        elif session.state is None:
            del self.sessions[session.id]  # nothing is left to remember

    def _end(self, message: Message[C]) -> None:
        """A message has waited longer than it may."""
        if self.settings.dead_letter_on_expiration:
            self._bury(message, "TTLExpiredException", "the message expired and was dead-lettered")
        else:
            self._remove(message)

    def _bury(self, message: Message[C], reason: str | None, description: str | None) -> None:
        assert self.dead_letters
        self._remove(message)
        message.state, message.dead_letter = State.ACTIVE, DeadLetter(reason, description)
        self.dead_letters.restore(message)
        self.dead_letters.changed.add(message.number)

    def _remove(self, message: Message[C]) -> None:
        if message.lock:
            self._unlock(message)
        self._discard(message)

    def _discard(self, message: Message[C]) -> None:
        del self.messages[message.number]
        self.changed.add(message.number)

    def _find(self, numbers: Iterable[int], state: State) -> list[Message[C]]:
        found = [self.messages.get(number) for number in dict.fromkeys(numbers)]
        matching = [message for message in found if message and message.state is state]
        if len(matching) < len(found):
            raise MessageNotFoundError(f"a message is not there or not {state.name.lower()}")
        return matching


def _first(values: OrderedDict[UUID, T], while_: Callable[[T], bool] | None = None) -> Iterator[T]:
    """The first value, if any; and each that is the first then, as long as a condition holds."""
    while values:
        value = next(iter(values.values()))
        if while_ and not while_(value):
            return
        yield value
        if not while_:
            return


class Broker(Generic[C]):
    """All queues."""

    def __init__(self, settings: Iterable[QueueSettings], clock: Clock) -> None:
        self.clock = clock
        names = ((each.name.lower(), each) for each in settings)
        self.queues: dict[str, Queue[C]] = {name: Queue(name, each, clock) for name, each in names}

    def __iter__(self) -> Iterator[Queue[C]]:
        """Queues and their dead-letter queues."""
        for queue in self.queues.values():
            yield queue
            if queue.dead_letters:
                yield queue.dead_letters

    def queue(self, path: str) -> Queue[C]:
        """Find a queue by its path, in any case; `<name>/$deadletterqueue` is its dead letters.

        Raises:
            NotFoundError: There is none.
        """
        name = path.strip("/").lower()
        main = self.queues.get(name.removesuffix(DEAD_LETTERS))
        if main is None:
            raise NotFoundError(f"the queue {path!r} could not be found; this emulator has {sorted(self.queues)}")
        if name.endswith(DEAD_LETTERS):
            assert main.dead_letters
            return main.dead_letters
        return main

    def expire(self) -> list[UUID]:
        """Do what time brings, in all queues.

        Returns:
            Locks of sessions that have ended since the last call, whatever ended them.
        """
        lost: list[UUID] = []
        for queue in self:
            queue.expire()
            lost += queue.lost
            queue.lost.clear()
        return lost

    def next_moment(self) -> float | None:
        """When `expire` has something to do."""
        return min((moment for queue in self if (moment := queue.next_moment()) is not None), default=None)
