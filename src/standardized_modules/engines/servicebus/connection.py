"""The connection and its sessions: headers, SASL, frames, windows. What links do with messages is in `links`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, cast
from uuid import UUID

from standardized_modules.engines.servicebus import frames, statistics
from standardized_modules.engines.servicebus.codec import Array, MalformedError, Symbol
from standardized_modules.engines.servicebus.errors import BrokerError
from standardized_modules.engines.servicebus.frames import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
)
from standardized_modules.engines.servicebus.links import Consumer, Link, make_link

if TYPE_CHECKING:
    from standardized_modules.engines.servicebus.server import Hub

MAX_FRAME_SIZE = 65_536  # what Service Bus itself announces
_WINDOW = 65_535  # frames that a client may send before it hears of us again
_HANDLES = 1_023  # links of a session, less one
_OUTPUT_LIMIT = 1_048_576  # bytes for one client in one turn; more than one message of the largest common size
_LINGER_SECONDS = 0.5  # until a client that doesn't hang up after our close is cut off

_log = logging.getLogger(__name__)


class ProtocolError(Exception):
    """The client did something that ends the connection."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


class Session:
    """A session, on the same channel number in both directions; so are the handles of its links."""

    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.links: dict[int, Link] = {}
        self.unsettled: dict[int, tuple[Consumer, UUID]] = {}
        self._channel = channel
        self._next_incoming = begin.next_outgoing_id
        self._window = _WINDOW
        self._remote_window = begin.incoming_window
        self._next_outgoing = 0
        self._next_delivery = 0
        self._waiting: deque[tuple[Transfer, bytes]] = deque()  # for the client's window
        self.send(Begin(channel, 0, _WINDOW, _WINDOW, _HANDLES))

    @property
    def blocked(self) -> bool:
        """Whether transfers wait for the client to take what it got."""
        return bool(self._waiting) or self.connection.congested

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        """Send on this session's channel."""
        self.connection.send(self._channel, performative, payload)

    def receive(self, performative: Performative, payload: bytes) -> None:
        """Act on what the client says."""
        if isinstance(performative, Transfer):
            self._on_transfer(performative, payload)
        elif isinstance(performative, Disposition):
            self._on_disposition(performative)
        elif isinstance(performative, Flow):
            self._on_flow(performative)
        elif isinstance(performative, Attach):
            known = self.links.get(performative.handle)
            if known and not known.failed:
                raise ProtocolError("amqp:session:handle-in-use", f"handle {performative.handle} is in use")
            if performative.handle > _HANDLES:
                raise ProtocolError("amqp:resource-limit-exceeded", f"a session has {_HANDLES + 1} links at most")
            link = make_link(self, performative)
            self.links[performative.handle] = link
            link.open()
        elif isinstance(performative, Detach):
            self._link(performative.handle).on_detach()
            del self.links[performative.handle]
        else:
            raise ProtocolError("amqp:not-allowed", f"{type(performative).__name__} does not belong into a session")

    def end(self) -> None:
        """Let go of everything: the session or its connection is over."""
        for link in self.links.values():
            link.close()
        self.links.clear()

    def deliver(self, handle: int, tag: bytes, message: bytes, *, settled: bool) -> int:
        """Send a message, in as many frames as it needs, and say the id of the delivery."""
        delivery_id, self._next_delivery = self._next_delivery, (self._next_delivery + 1) & 0xFFFFFFFF
        # 64 bytes are more than the header of a frame and a transfer without its payload.
        size = min(self.connection.remote_max_frame_size, MAX_FRAME_SIZE) - 64
        for start in range(0, len(message) or 1, size):
            more = start + size < len(message)
            transfer = Transfer(handle, None, None, None, settled, more)
            if start == 0:
                transfer.delivery_id, transfer.delivery_tag, transfer.message_format = delivery_id, tag, 0
            self._waiting.append((transfer, message[start : start + size]))
        self._send_waiting()
        return delivery_id

    def flow(self, link: Link | None = None, *, delivery_count: int = 0, credit: int = 0, drain: bool = False) -> None:
        """Tell the client the state of the session and of one link."""
        flow = Flow(self._next_incoming, self._window, self._next_outgoing, _WINDOW)
        if link:
            flow.handle, flow.delivery_count, flow.link_credit = link.handle, delivery_count, credit
            flow.available, flow.drain = 0, drain
        self.send(flow)

    def _link(self, handle: int) -> Link:
        link = self.links.get(handle)
        if link is None:
            raise ProtocolError("amqp:session:unattached-handle", f"no link is attached to handle {handle}")
        return link

    def _send_waiting(self) -> None:
        while self._waiting and self._remote_window > 0:
            transfer, payload = self._waiting.popleft()
            self._remote_window -= 1
            self._next_outgoing = (self._next_outgoing + 1) & 0xFFFFFFFF
            self.send(transfer, payload)

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming = (self._next_incoming + 1) & 0xFFFFFFFF
        self._window -= 1
        if self._window < _WINDOW // 2:
            self._window = _WINDOW
            self.flow()
        self._link(transfer.handle).on_transfer(transfer, payload)

    def _on_flow(self, flow: Flow) -> None:
        # Flows that cross the begin don't know our first id yet; it is 0.
        seen = flow.next_incoming_id or 0
        self._remote_window = max(0, seen + flow.incoming_window - self._next_outgoing)
        self._send_waiting()
        for link in self.links.values():
            if isinstance(link, Consumer):
                link.queue.awake = True  # it may have waited for the window
        if flow.handle is not None:
            self._link(flow.handle).on_flow(flow)
        elif flow.echo:
            self.flow()

    def _on_disposition(self, disposition: Disposition) -> None:
        if disposition.role is not frames.RECEIVER:
            return  # the client settles what it sent; we have answered that already
        last = disposition.first if disposition.last is None else disposition.last
        if last == disposition.first:
            found = [last] if last in self.unsettled else []
        else:
            found = [each for each in self.unsettled if disposition.first <= each <= last]
        for delivery_id in found:
            consumer, token = self.unsettled[delivery_id]
            state = disposition.state
            if state is None and not disposition.settled:
                continue  # says nothing
            del self.unsettled[delivery_id]
            answer = consumer.settle(token, state)
            if not disposition.settled:
                self.send(Disposition(frames.SENDER, delivery_id, None, True, answer))


class Connection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.remote_max_frame_size = 512  # until it says otherwise
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._output = bytearray()
        self._sessions: dict[int, Session] = {}
        self._expects_header = True
        self._opened = False
        self._closing = False
        self._heartbeat: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self.hub.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 however it ended
        """It has gone."""
        self._transport = None
        self._closing = True
        for timer in (self._heartbeat, self._linger):
            if timer:
                timer.cancel()
        self.hub.connections.discard(self)
        self._end_sessions()
        self.hub.schedule()

    def data_received(self, data: bytes) -> None:
        """It says something."""
        if self._closing:
            return
        self._buffer += data
        try:
            self._read()
        except MalformedError as problem:
            self.shut("amqp:decode-error", str(problem))
        except ProtocolError as problem:
            self.shut(problem.condition, str(problem))
        except BrokerError as problem:
            self.shut(problem.condition, str(problem))
        except Exception:
            _log.exception("a client's request could not be handled")
            self.shut("amqp:internal-error", "the emulator failed; its log says why")
        self.hub.schedule()

    def pause_writing(self) -> None:
        """The client doesn't read as fast as we send."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._paused = False
        self._continue()

    # What others call

    @property
    def congested(self) -> bool:
        """Whether the client has to read first."""
        return self._paused or len(self._output) >= _OUTPUT_LIMIT

    def consumers(self) -> list[Consumer]:
        """Links of this connection that take messages out of a queue."""
        links = [link for session in self._sessions.values() for link in session.links.values()]
        return [link for link in links if isinstance(link, Consumer)]

    def send(self, channel: int, performative: Performative, payload: bytes = b"", kind: int = frames.AMQP) -> None:
        """Send a frame when this turn is over and what it says is stored."""
        self._output += frames.encode_frame(channel, performative, payload, kind)
        self.hub.talking.add(self)

    def write(self) -> None:
        """Let go what was said during this turn."""
        congested = self.congested
        if self._transport and self._output:
            self._transport.write(bytes(self._output))
        self._output.clear()
        if congested and not self._paused:
            self._continue()
        if self._transport and self._closing and not self._linger:
            # To close while the client still talks would reset the connection, and our last words would be lost.
            with contextlib.suppress(OSError):  # it has hung up
                self._transport.write_eof()
            self._linger = asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.abort)

    def shut(self, condition: str | None = None, description: str = "") -> None:
        """Close the connection from this side."""
        if self._opened and not self._closing:
            self.send(0, Close(frames.error(condition, description) if condition else None))
        self._closing = True
        self._end_sessions()
        self.hub.talking.add(self)

    # Inside

    def _end_sessions(self) -> None:
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()

    def _continue(self) -> None:
        for consumer in self.consumers():
            consumer.queue.awake = True
        self.hub.schedule()

    def _raw(self, data: bytes) -> None:
        self._output += data
        self.hub.talking.add(self)

    def _read(self) -> None:
        while not self._closing:
            if self._expects_header:
                if not self._read_header():
                    return
                continue
            frame = frames.read_frame(self._buffer, MAX_FRAME_SIZE)
            if frame is None:
                return
            kind, channel, body = frame
            if not body:
                continue  # a heartbeat
            performative, payload = frames.decode_body(body)
            if kind == frames.SASL:
                self._on_sasl(performative)
            else:
                self._on_frame(channel, performative, payload)

    def _read_header(self) -> bool:
        if self._buffer.startswith(b"GET "):
            if statistics.is_complete(self._buffer):
                self._raw(statistics.answer(self._buffer, self.hub.broker))
                self._closing = True
            return False
        if len(self._buffer) < 8:
            return False
        header = bytes(self._buffer[:8])
        del self._buffer[:8]
        if header == frames.SASL_HEADER:
            self._raw(header)
            # MSSBCBS is Microsoft's name for "the token follows", which is how their own SDKs come in.
            mechanisms = Array([Symbol(name) for name in ("MSSBCBS", "ANONYMOUS", "PLAIN", "EXTERNAL")])
            self.send(0, SaslMechanisms(mechanisms), kind=frames.SASL)
        else:
            self._raw(frames.AMQP_HEADER)
            if header != frames.AMQP_HEADER:
                self._closing = True  # another version, or another protocol: that header is all the answer there is
        self._expects_header = False
        return True

    def _on_sasl(self, performative: Performative) -> None:
        if not isinstance(performative, SaslInit):
            raise ProtocolError("amqp:not-allowed", "SASL begins with init")
        self.send(0, SaslOutcome(0), kind=frames.SASL)
        self._expects_header = True

    def _on_frame(self, channel: int, performative: Performative, payload: bytes) -> None:
        if isinstance(performative, Open):
            self._on_open(performative)
        elif not self._opened:
            raise ProtocolError("amqp:illegal-state", "a connection begins with open")
        elif isinstance(performative, Begin):
            if channel in self._sessions:
                raise ProtocolError("amqp:not-allowed", f"channel {channel} has a session")
            self._sessions[channel] = Session(self, channel, performative)
        elif isinstance(performative, Close):
            self.shut()
        elif channel not in self._sessions:
            raise ProtocolError("amqp:not-allowed", f"channel {channel} has no session")
        elif isinstance(performative, End):
            self._sessions.pop(channel).end()
            self.send(channel, End())
        else:
            self._sessions[channel].receive(performative, payload)

    def _on_open(self, opened: Open) -> None:
        if self._opened:
            raise ProtocolError("amqp:illegal-state", "the connection is open already")
        self._opened = True
        self.remote_max_frame_size = max(512, opened.max_frame_size or MAX_FRAME_SIZE)
        properties: dict[object, object] = {Symbol("product"): "standardized-modules-servicebus-emulator"}
        self.send(0, Open("servicebus-emulator", None, MAX_FRAME_SIZE, 255, properties=properties))
        if opened.idle_time_out:
            self._beat(opened.idle_time_out / 1000 / 2)

    def _beat(self, seconds: float) -> None:
        """Send empty frames at half the time after which the client takes silence for death."""
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, self._beat, seconds)
        if self._transport and not self._output and not self._closing:
            self._transport.write(b"\x00\x00\x00\x08\x02\x00\x00\x00")
