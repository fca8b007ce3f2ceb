"""What the adapter meets of the SDK, without a broker: receivers that fail when told to."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from weakref import WeakSet

from azure.servicebus import ServiceBusMessageState
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusConnectionError

CONNECTION_STRING = "Endpoint=sb://127.0.0.1;SharedAccessKeyName=a;SharedAccessKey=b"


@dataclass(eq=False)
class Found:
    """A received message."""

    message_id: Any = "id-1"
    sequence_number: int = 7
    body: list[bytes] = field(default_factory=lambda: [b"{}"])
    application_properties: dict[Any, Any] = field(default_factory=dict)
    delivery_count: int = 0
    session_id: str | None = None
    body_type: AmqpMessageBodyType = AmqpMessageBodyType.DATA
    state: ServiceBusMessageState = ServiceBusMessageState.ACTIVE
    enqueued_time_utc: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    locked_until_utc: datetime = field(
        default_factory=lambda: datetime.now(UTC) + timedelta(seconds=30)
    )


class Receiver:
    """A receiver of the queue, or of one session."""

    def __init__(self, sdk: "Sdk", messages: list[Found], *, of_session: bool = False) -> None:
        self.sdk = sdk
        self.messages = messages
        self.of_session = of_session
        self.opened = False
        self.session: Receiver | None = None
        self.locked_until_utc = datetime.now(UTC) + timedelta(seconds=30)
        self.closed = False

    async def __aenter__(self) -> Self:
        if not self.opened:
            self.sdk.meet("open")
            await asyncio.sleep(self.sdk.opens_in)
            if self.of_session and not self.messages:
                raise OperationTimeoutError(message="no session")
            self.opened = True
            self.session = self if self.of_session else None
        return self

    async def receive_messages(self, max_message_count: int, **_: object) -> list[Found]:
        """The next of the messages."""
        if not self.opened:
            raise OperationTimeoutError(message="a poll is no time to open a link in")
        self.sdk.meet(f"receive {self.messages[0].session_id if self.messages else ''}".strip())
        taken, self.messages = (
            self.messages[:max_message_count],
            self.messages[max_message_count:],
        )
        return taken

    async def peek_messages(
        self, max_message_count: int, *, sequence_number: int = 1
    ) -> list[Found]:
        """Look at those of `sdk.peeked`, which has them numbered from 1."""
        last = min(sequence_number + max_message_count, self.sdk.peeked + 1)
        page = [Found(sequence_number=number) for number in range(sequence_number, last)]
        self.sdk.alive.update(page)
        self.sdk.most_alive = max(self.sdk.most_alive, len(self.sdk.alive))
        return page

    async def complete_message(self, _found: Found) -> None:
        """Settle."""
        self.sdk.meet("complete")

    async def abandon_message(self, _found: Found) -> None:
        """Give back."""
        self.sdk.meet("abandon")

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def renew_lock(self) -> None:
        """Of the session."""
        self.sdk.meet("renew")

    async def close(self) -> None:
        """The end."""
        self.closed = True


class Sdk:
    """Takes the place of the SDK's client: `sessions` says what each next receiver holds."""

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.sessions: list[list[Found]] = []
        self.receivers: list[Receiver] = []
        self.peeked = 0
        """Messages that can be looked at."""
        self.alive: WeakSet[Found] = WeakSet()
        """Those that somebody still holds."""
        self.most_alive = 0
        self.opens_in = 0.0
        """Seconds until a link is open."""

    def from_connection_string(self, _text: str, **_: object) -> Self:
        """Connect."""
        return self

    def get_queue_receiver(self, _name: str, **options: object) -> Receiver:
        """A receiver for the next session, or for none."""
        messages = self.sessions.pop(0) if self.sessions else []
        receiver = Receiver(self, messages, of_session="session_id" in options)
        self.receivers.append(receiver)
        return receiver

    def meet(self, operation: str) -> None:
        """Fail, if this call is to fail."""
        self.calls[operation] += 1
        if self.left[operation] > 0:
            self.left[operation] -= 1
            raise ServiceBusConnectionError(message="it is away")

    async def close(self) -> None:
        """The end."""
