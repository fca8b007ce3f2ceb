"""The emulator: one event loop, turns of which end with everything stored and then everything said."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from pathlib import Path
from uuid import UUID

from standardized_modules.engines.servicebus.broker import Broker, Clock, Queue
from standardized_modules.engines.servicebus.connection import Connection
from standardized_modules.engines.servicebus.errors import SessionLockLostError
from standardized_modules.engines.servicebus.links import Consumer
from standardized_modules.engines.servicebus.message import Content
from standardized_modules.engines.servicebus.settings import EmulatorSettings
from standardized_modules.engines.servicebus.store import Store

LOOPBACK = "127.0.0.1"
_CLOSE_SECONDS = 1.0  # for clients to hear that the emulator ends


def wall_clock() -> Clock:
    """UNIX seconds that never go back, whatever is done to the machine's clock meanwhile."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


class Hub:
    """What connections share: the queues, and who waits for messages.

    Whatever happens asks for a turn. A turn does what time brings, hands out messages, stores what has changed and only
    then lets answers go: what a client is told is on disk.
    """

    def __init__(self, broker: Broker[Content], store: Store | None, max_message_size: int) -> None:
        self.broker = broker
        self.max_message_size = max_message_size
        self.connections: set[Connection] = set()
        self.talking: set[Connection] = set()
        """Connections with something to say at the end of this turn."""
        self.consumers: defaultdict[str, deque[Consumer]] = defaultdict(deque)
        self.session_seekers: defaultdict[str, deque[Consumer]] = defaultdict(deque)
        """Receivers that wait for whichever session comes next."""
        self.holders: dict[UUID, Consumer] = {}
        """Receivers by the lock of their session."""
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the emulator cannot go on."""
        self._store = store
        self._scheduled = False
        self._alarm: asyncio.TimerHandle | None = None

    def schedule(self) -> None:
        """Ask for a turn."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.turn)

    def turn(self) -> None:
        """Do everything there is to do now."""
        self._scheduled = False
        if self.broken.done():
            return
        try:
            self._turn()
        except Exception as problem:
            # What is in memory may not be what is stored, as on a full disk. Nothing more may be promised.
            self.broken.set_exception(problem)

    def _turn(self) -> None:
        for holder in self.broker.expire():
            consumer = self.holders.pop(holder, None)
            if consumer:
                consumer.fail(SessionLockLostError(f"the lock of session {consumer.session_id!r} has expired"))
        while awake := [queue for queue in self.broker if queue.awake]:
            for queue in awake:
                queue.awake = False
                self._serve(queue)
        self.save()
        talking, self.talking = self.talking, set()
        for connection in talking:
            connection.write()
        self._set_alarm()

    def save(self) -> None:
        """Store what has changed."""
        if self._store:
            self._store.save(self.broker)
        else:
            for queue in self.broker:
                queue.forget_changes()

    def stop(self) -> None:
        """Tell everybody that it is over."""
        if self._alarm:
            self._alarm.cancel()
        for connection in list(self.connections):
            connection.shut("amqp:connection:forced", "the emulator is shutting down")
        self.turn()

    def _serve(self, queue: Queue[Content]) -> None:
        """Hand out sessions, then messages: one to each receiver in turn."""
        seekers = self.session_seekers[queue.name]
        while seekers and seekers[0].offer_session():
            seekers.popleft()
        consumers = self.consumers[queue.name]
        hungry = [consumer for consumer in consumers if consumer.hungry]
        while hungry:
            hungry = [consumer for consumer in hungry if consumer.take() and consumer.hungry]
        for consumer in consumers:
            consumer.finish_drain()
        consumers.rotate(-1)

    def _set_alarm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        moment = self.broker.next_moment()
        if moment is not None:
            delay = max(0.0, moment - self.broker.clock())
            # Loops may wake a clock's tick too early; 1 ms later is early enough.
            self._alarm = asyncio.get_running_loop().call_later(delay + 0.001, self.turn)


class Emulator:
    """A running emulator.

    Args:
        settings: Its queues.
        data: Folder to keep messages in. Without one they end with the emulator.

    Make it in the event loop that it runs in.

    Raises:
        ValueError: The folder holds data that it cannot use.
    """

    def __init__(self, settings: EmulatorSettings, data: Path | None = None) -> None:
        broker: Broker[Content] = Broker(settings.queues, wall_clock())
        self._store = Store(data) if data else None
        if self._store:
            self._store.load(broker)
        self._hub = Hub(broker, self._store, settings.max_message_size)
        self._server: asyncio.Server | None = None

    @property
    def broken(self) -> asyncio.Future[None]:
        """Ends with an exception when the emulator cannot go on."""
        return self._hub.broken

    async def start(self, port: int = 0) -> int:
        """Listen on loopback, and say on which port.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._hub), LOOPBACK, port)
        self._hub.schedule()
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Say goodbye to clients, and store everything."""
        if self._server:
            self._server.close()
        self._hub.stop()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while self._hub.connections and time.monotonic() < deadline and not self.broken.done():
            await asyncio.sleep(0.01)
        if self._store:
            self._store.close()


def connection_string(port: int) -> str:
    """What clients connect with."""
    # A key has to be there, and any will do; this one says so.
    key = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=any"
    return f"Endpoint=sb://{LOOPBACK}:{port};{key};UseDevelopmentEmulator=true"
