"""Links: senders' into a queue, receivers' out of one, and the pairs that ask and answer at a node."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from standardized_modules.engines.servicebus import frames, management
from standardized_modules.engines.servicebus import message as wire
from standardized_modules.engines.servicebus.broker import Queue
from standardized_modules.engines.servicebus.codec import Described, MalformedError, Symbol
from standardized_modules.engines.servicebus.errors import (
    BrokerError,
    MessageTooLargeError,
    NotAllowedError,
    SessionLockLostError,
    SessionTimeoutError,
)
from standardized_modules.engines.servicebus.frames import Attach, Detach, Disposition, Flow, Transfer
from standardized_modules.engines.servicebus.management import MANAGEMENT, narrowed
from standardized_modules.engines.servicebus.message import Content, Request

if TYPE_CHECKING:
    from standardized_modules.engines.servicebus.broker import Session as BrokerSession
    from standardized_modules.engines.servicebus.connection import Session

CBS = "$cbs"
_CREDIT = 1_000  # messages that a sender may send before it is given more, which happens at half
_REQUEST_OVERHEAD = 65_536  # what a request may add to the messages in it

_SESSION_FILTER = "com.microsoft:session-filter"
_LOCKED_UNTIL = "com.microsoft:locked-until-utc"
_TIMEOUT = "com.microsoft:timeout"
_NEXT_SESSION_SECONDS = 60.0  # until "no session" is the answer, when the receiver doesn't say
_TICKS_OF_1970 = 621_355_968_000_000_000  # .NET's clock: 100 ns since the year 1


class Link:
    """One direction of messages."""

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.hub = session.connection.hub
        self.handle = attach.handle
        self.name = attach.name
        self.attach = attach
        self.failed = False

    def open(self) -> None:
        """Answer the attach."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything: the link is over."""

    def on_detach(self) -> None:
        """The client ends the link, or answers that we did."""
        if not self.failed:
            self.close()
            self.session.send(Detach(self.handle, True))

    def on_flow(self, flow: Flow) -> None:
        """The client says how much it takes, or how far it is."""

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:  # noqa: ARG002 links that take messages use them
        """The client sends a message."""
        self.fail(NotAllowedError("this link sends, it doesn't receive"))

    def accept(self, **fields: object) -> None:
        """Answer the attach with one that mirrors it."""
        asked = self.attach
        answer = Attach(asked.name, asked.handle, not asked.role, asked.snd_settle_mode, asked.rcv_settle_mode)
        # The addresses stand for the rest: what else clients may ask for, they don't get.
        answer.source = frames.source(frames.fields_of(asked.source, 1)[0])
        answer.target = frames.target(frames.fields_of(asked.target, 1)[0])
        answer.max_message_size = self.hub.max_message_size
        for name, value in fields.items():
            setattr(answer, name, value)
        self.session.send(answer)

    def refuse(self, problem: BrokerError) -> None:
        """Answer the attach with one that leads nowhere, and the reason, as the specification says."""
        self.accept(source=None, target=None, initial_delivery_count=0 if self.attach.role else None)
        self.fail(problem)

    def fail(self, problem: BrokerError) -> None:
        """End the link from this side."""
        if not self.failed:
            self.failed = True
            self.close()
            self.session.send(Detach(self.handle, True, frames.error(problem.condition, str(problem))))


class Refused(Link):
    """A link that cannot be."""

    def __init__(self, session: Session, attach: Attach, problem: BrokerError) -> None:
        super().__init__(session, attach)
        self._problem = problem

    def open(self) -> None:
        """Say why."""
        self.refuse(self._problem)

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """The client doesn't know yet."""


class Incoming(Link):
    """A link on which a client sends: puts frames together and grants credit."""

    limit: int

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self.limit = self.hub.max_message_size
        self._first: Transfer | None = None
        self._parts = bytearray()
        self._too_large = False
        self._count = attach.initial_delivery_count or 0
        self._credit = 0

    def open(self) -> None:
        """Answer, and grant credit."""
        self.accept(properties={Symbol("com.microsoft:max-message-batch-size"): self.hub.max_message_size})
        self._grant()

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Collect the parts of a message."""
        if self.failed:
            return  # sent before the client knew
        self._first = self._first or transfer
        self._too_large = self._too_large or len(self._parts) + len(payload) > self.limit
        if not self._too_large:  # else there's no need to keep the rest
            self._parts += payload
        if transfer.more:
            return
        first, data, too_large = self._first, bytes(self._parts), self._too_large
        self._first, self._parts, self._too_large = None, bytearray(), False
        self._count = (self._count + 1) & 0xFFFFFFFF
        self._credit -= 1
        if self._credit <= _CREDIT // 2:
            self._grant()
        if transfer.aborted:
            return
        state = self._taken(first, data, too_large=too_large)
        if not (first.settled or transfer.settled) and first.delivery_id is not None:
            self.session.send(Disposition(frames.RECEIVER, first.delivery_id, first.delivery_id, True, state))

    def receive(self, transfer: Transfer, data: bytes) -> None:
        """Take a message in, or raise."""
        raise NotImplementedError

    def _taken(self, transfer: Transfer, data: bytes, *, too_large: bool) -> Described:
        try:
            if too_large:
                raise MessageTooLargeError(f"the message is larger than {self.limit} bytes, the limit of this link")
            self.receive(transfer, data)
        except BrokerError as problem:
            return frames.outcome(frames.REJECTED, frames.error(problem.condition, str(problem)))
        except MalformedError as problem:
            return frames.outcome(frames.REJECTED, frames.error("amqp:decode-error", str(problem)))
        return frames.outcome(frames.ACCEPTED)

    def _grant(self) -> None:
        self._credit = _CREDIT
        self.session.flow(self, delivery_count=self._count, credit=_CREDIT)


class Producer(Incoming):
    """A link into a queue."""

    def __init__(self, session: Session, attach: Attach, queue: Queue[Content]) -> None:
        super().__init__(session, attach)
        self._queue = queue

    def receive(self, transfer: Transfer, data: bytes) -> None:
        """Enqueue a message, or all of a batch."""
        batch = wire.split_batch(data) if transfer.message_format == wire.BATCH_FORMAT else [data]
        self._queue.send([wire.parse(each) for each in batch])


class Asking(Incoming):
    """A link on which requests to a node come in. Answers leave on the `Answering` link of the same session."""

    def __init__(self, session: Session, attach: Attach, node: str) -> None:
        super().__init__(session, attach)
        self.limit += _REQUEST_OVERHEAD
        self._node = node

    def receive(self, transfer: Transfer, data: bytes) -> None:  # noqa: ARG002 a link's transfers are all alike
        """Answer a request."""
        request = wire.parse_request(data)
        links = [
            link for link in self.session.links.values() if isinstance(link, Answering) and link.node == self._node
        ]
        # With several, the request says which one.
        chosen = [link for link in links if request.reply_to in (link.target, None)] or links
        if not chosen:
            raise NotAllowedError(f"no link of this session takes answers of {self._node}")
        chosen[0].answer(self._answer(request))

    def _answer(self, request: Request) -> bytes:
        if self._node == CBS:
            # Any token will do: who can reach this port may do anything.
            status = {"status-code": 202, "status-description": "Accepted"}
            return wire.render_response(request.id, narrowed(status), None)
        queue = self.hub.broker.queue(self._node.removesuffix(MANAGEMENT))
        return management.handle(queue, request, lambda session_id: self._holder(queue, session_id))

    def _holder(self, queue: Queue[Content], session_id: str) -> UUID | None:
        """The lock of a session, when a link of this connection has it."""
        for consumer in self.session.connection.consumers():
            if consumer.queue is queue and consumer.holder and consumer.session_id == session_id:
                return consumer.holder
        return None


class Answering(Link):
    """A link on which the answers of a node leave."""

    def __init__(self, session: Session, attach: Attach, node: str) -> None:
        super().__init__(session, attach)
        self.node = node
        self.target = frames.fields_of(attach.target, 1)[0]
        self._count = 0
        self._credit = 0
        self._waiting: deque[bytes] = deque()

    def open(self) -> None:
        """Answer."""
        self.accept(initial_delivery_count=0)

    def on_flow(self, flow: Flow) -> None:
        """Take note of the credit."""
        self._credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self._count
        self._send()

    def answer(self, response: bytes) -> None:
        """Send an answer as soon as there is credit."""
        self._waiting.append(response)
        self._send()

    def _send(self) -> None:
        while self._waiting and self._credit > 0:
            self._credit -= 1
            self._count += 1
            self.session.deliver(self.handle, uuid4().bytes, self._waiting.popleft(), settled=True)


class Consumer(Link):
    """A link out of a queue, or out of one of its sessions."""

    def __init__(self, session: Session, attach: Attach, queue: Queue[Content]) -> None:
        super().__init__(session, attach)
        self.queue = queue
        self.holder: UUID | None = None
        """The lock of the session."""
        self.session_id: str | None = None
        self._count = 0
        self._credit = 0
        self._drain = False
        self._deletes = attach.snd_settle_mode == frames.SETTLED
        self._timeout: asyncio.TimerHandle | None = None

    @property
    def hungry(self) -> bool:
        """Whether it takes a message now."""
        return self._credit > 0 and not self.session.blocked

    def open(self) -> None:
        """Answer, at once or when there is a session."""
        filters = frames.fields_of(self.attach.source, 8)[7]
        wants_session = isinstance(filters, dict) and _SESSION_FILTER in filters
        if wants_session != self.queue.sessions_required:
            kind = "requires sessions" if self.queue.sessions_required else "has no sessions"
            self.refuse(NotAllowedError(f"queue {self.queue.name!r} {kind}, and the receiver is of the other kind"))
        elif not wants_session:
            self.accept(initial_delivery_count=0)
            self.hub.consumers[self.queue.name].append(self)
        else:
            assert isinstance(filters, dict)
            wanted = filters[_SESSION_FILTER]
            wanted = wanted.value if isinstance(wanted, Described) else wanted
            if wanted is None:
                self._wait_for_session()
            else:
                self._accept_session(str(wanted))

    def close(self) -> None:
        """Let go of the session. Messages without one stay locked until their lock ends, as documented."""
        if self._timeout:
            self._timeout.cancel()
        if self.holder:
            self.queue.release_session(self.holder)
            self.hub.holders.pop(self.holder, None)
            self.holder = None
        for registered in (self.hub.consumers[self.queue.name], self.hub.session_seekers[self.queue.name]):
            if self in registered:
                registered.remove(self)
        unsettled = self.session.unsettled
        for delivery_id in [each for each, (consumer, _) in unsettled.items() if consumer is self]:
            del unsettled[delivery_id]

    def on_flow(self, flow: Flow) -> None:
        """Take note of the credit."""
        self._credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self._count
        self._drain = bool(flow.drain)
        self.queue.awake = True

    def take(self) -> bool:
        """Hand out the next message, if there is one."""
        try:
            found = self.queue.receive_and_delete(self.holder) if self._deletes else self.queue.receive(self.holder)
        except SessionLockLostError:
            return False  # the link is about to hear of it
        if found is None:
            return False
        token = found.lock.token if found.lock else uuid4()
        self._credit -= 1
        self._count += 1
        delivery_id = self.session.deliver(
            self.handle, token.bytes_le, management.annotated(found), settled=self._deletes
        )
        if not self._deletes:
            self.session.unsettled[delivery_id] = (self, token)
        return True

    def finish_drain(self) -> None:
        """Say that there is nothing more, to a client that asked for what there is."""
        if self._drain and not self.session.blocked:
            self._count, self._credit, self._drain = self._count + max(self._credit, 0), 0, False
            self.session.flow(self, delivery_count=self._count, credit=0, drain=True)

    def settle(self, token: UUID, state: Described | None) -> Described:
        """Do with a message what the client says, and say how it ended."""
        code = state.descriptor if state else frames.ACCEPTED
        fields = frames.fields_of(state, 3)
        try:
            if code == frames.ACCEPTED:
                self.queue.complete(token)
            elif code == frames.RELEASED:
                self.queue.release(token)
            elif code == frames.MODIFIED:
                # undeliverable-here is how Service Bus spells "defer".
                (self.queue.defer if fields[1] else self.queue.abandon)(token)
            elif code == frames.REJECTED:
                self.queue.dead_letter(token, *_reason(fields[0]))
            else:
                raise NotAllowedError(f"a delivery does not end with state {code!r}")
        except BrokerError as problem:
            return frames.outcome(frames.REJECTED, frames.error(problem.condition, str(problem)))
        assert isinstance(code, int)
        return frames.outcome(code)

    def offer_session(self) -> bool:
        """Take the next session, when there is one."""
        return self._accept_session(None)

    def _wait_for_session(self) -> None:
        asked = (self.attach.properties or {}).get(_TIMEOUT)
        seconds = asked / 1000 if isinstance(asked, int) else _NEXT_SESSION_SECONDS
        self.hub.session_seekers[self.queue.name].append(self)
        self.queue.awake = True
        self._timeout = asyncio.get_running_loop().call_later(seconds, self._give_up, seconds)

    def _give_up(self, seconds: float) -> None:
        self.refuse(SessionTimeoutError(f"no session of {self.queue.name!r} became available within {seconds:g} s"))
        self.hub.schedule()

    def _accept_session(self, session_id: str | None) -> bool:
        try:
            session = self.queue.accept_session(session_id)
        except BrokerError as problem:
            self.refuse(problem)
            return False
        if session is None:
            return False
        if self._timeout:
            self._timeout.cancel()
        assert session.holder
        self.holder, self.session_id = session.holder, session.id
        self.hub.holders[session.holder] = self
        self.hub.consumers[self.queue.name].append(self)
        self._answer_with(session)
        return True

    def _answer_with(self, session: BrokerSession) -> None:
        address = frames.fields_of(self.attach.source, 1)[0]
        self.accept(
            initial_delivery_count=0,
            source=frames.source(address, {Symbol(_SESSION_FILTER): session.id}),
            properties={Symbol(_LOCKED_UNTIL): _TICKS_OF_1970 + round(session.until * 10_000_000)},
        )


def _reason(error: object) -> tuple[str | None, str | None]:
    """Reason and description of a dead letter, from the error of a rejection."""
    _, description, info = frames.fields_of(error, 3)
    info = {str(key): value for key, value in info.items()} if isinstance(info, dict) else {}
    reason, text = info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription", description)
    return (None if reason is None else str(reason), None if text is None else str(text))


def _path(terminus: Described | None) -> str:
    """The path of an address, which may be a whole URL."""
    address = frames.fields_of(terminus, 1)[0]
    text = address if isinstance(address, str) else ""
    return text.split("://", 1)[1].partition("/")[2] if "://" in text else text.strip("/")


def make_link(session: Session, attach: Attach) -> Link:
    """The link that an attach asks for."""
    consumes = attach.role is frames.RECEIVER
    path = _path(attach.source if consumes else attach.target).lower()
    try:
        if path == CBS or path.endswith(MANAGEMENT):
            if path != CBS:
                session.connection.hub.broker.queue(path.removesuffix(MANAGEMENT))
            return Answering(session, attach, path) if consumes else Asking(session, attach, path)
        queue = session.connection.hub.broker.queue(path)
        if consumes:
            return Consumer(session, attach, queue)
        if queue.dead_letters is None:
            raise NotAllowedError("nobody sends to a dead-letter queue but the broker")
        return Producer(session, attach, queue)
    except BrokerError as problem:
        return Refused(session, attach, problem)
