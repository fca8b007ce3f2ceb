"""The brokers of the tests, each with its own client: what the service's adapter says is not believed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import botocore.session
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from msgspec import Struct

from standardized_modules.engines import Facts, open_engine
from standardized_modules.engines.running import LOOPBACK

Json = dict[str, Any]
FORGETFUL: Mapping[str, str] = {"APP_IDEMPOTENCY_TABLE": "", "APP_IDEMPOTENCY_CONNECTION_STRING": ""}
"""Variables with which each worker remembers its own keys alone."""
BACKSTOP = 100
"""Deliveries that the broker allows. Workers that are killed on purpose need many."""
VALUES: Mapping[str, Any] = {
    "queue.ordered": False,
    "queue.max_message": 262_144,
    "queue.retention": 345_600,
    "queue.dead_letter_retention": 1_209_600,
    "queue.visibility_timeout": 30,
    "worker.max_attempts": BACKSTOP,
}
"""What engines are told about the service."""


Way = Callable[[int], int]
"""From the port of a broker to the one that workers use."""


def direct(port: int) -> int:
    """Nothing in between."""
    return port


class Sent(Struct, frozen=True):
    """A message as a producer without our code sends it."""

    body: str
    attributes: Mapping[str, str]
    group: str | None = None


def a_task(name: str, key: str | None = None, **payload: Any) -> Sent:
    """A message for a task; without a key it gets one of its own."""
    attributes = {"task": name, "idempotency_key": key or uuid4().hex, "content_type": "application/json"}
    return Sent(json.dumps(payload), attributes)


class DeadLetter(Struct, frozen=True):
    """What lies among the dead letters."""

    body: str
    reason: str
    description: str
    attributes: Mapping[str, str]


class Queue(Protocol):
    """A queue with its dead letters, as the broker sees it."""

    lock_seconds: int
    settings: Mapping[str, str]
    """Variables that make a service use it."""

    def send(self, messages: Iterable[Sent]) -> None:
        """Send messages."""

    def left(self) -> int:
        """Messages that are there, whoever holds them."""

    def dead_letters(self) -> list[DeadLetter]:
        """Take the dead letters out and return them."""


class Broker(Protocol):
    """Something that makes queues."""

    lock_seconds: int
    """The shortest lock that works with it."""

    def queue(
        self, folder: Path, *, ordered: bool = False, through: Way = direct, lock_seconds: int | None = None
    ) -> AbstractContextManager[Queue]:
        """A new queue, for workers through another port when the test stands in between."""


class SqsQueue:
    """By botocore, synchronously."""

    def __init__(self, client: Any, url: str, dead_url: str, lock_seconds: int, settings: Mapping[str, str]) -> None:
        self.client, self.url, self.dead_url = client, url, dead_url
        self.lock_seconds, self.settings = lock_seconds, settings

    def send(self, messages: Iterable[Sent]) -> None:
        every = list(messages)
        for start in range(0, len(every), 10):
            entries = [_entry(number, each) for number, each in enumerate(every[start : start + 10])]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed"), answer

    def left(self) -> int:
        return self._count(self.url)

    def dead_letters(self) -> list[DeadLetter]:
        found: list[DeadLetter] = []
        while self._count(self.dead_url):
            answer = self.client.receive_message(
                QueueUrl=self.dead_url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            )
            for each in answer.get("Messages", []):
                texts = {name: value["StringValue"] for name, value in each["MessageAttributes"].items()}
                reason, description = texts.pop("dead_letter_reason", ""), texts.pop("dead_letter_description", "")
                found.append(DeadLetter(each["Body"], reason, description, texts))
                self.client.delete_message(QueueUrl=self.dead_url, ReceiptHandle=each["ReceiptHandle"])
        return found

    def _count(self, url: str) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


class Sqs:
    """A server that speaks SQS, and DynamoDB when it is ministack."""

    lock_seconds = 2
    """Visibility is counted in whole seconds, so the shortest would be over in a moment."""

    def __init__(self, port: int, region: str, settings: Mapping[str, str], *, keeps_keys: bool = True) -> None:
        self.port, self.region, self.settings, self._keeps_keys = port, region, settings, keeps_keys
        self._clients = {name: self._client(name) for name in ("sqs", "dynamodb")}
        self._number = count()

    @contextmanager
    def queue(
        self, folder: Path, *, ordered: bool = False, through: Way = direct, lock_seconds: int | None = None
    ) -> Iterator[Queue]:
        """In the one server there is; it needs no folder."""
        del folder
        lock_seconds = lock_seconds or self.lock_seconds
        name, suffix = f"test-{next(self._number)}", ".fifo" if ordered else ""
        client = self._clients["sqs"]
        kind = {"FifoQueue": "true"} if ordered else {}
        dead_url = client.create_queue(QueueName=f"{name}-dead{suffix}", Attributes=kind)["QueueUrl"]
        found = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": BACKSTOP}
        attributes = {"VisibilityTimeout": str(lock_seconds), "RedrivePolicy": json.dumps(redrive), **kind}
        url = client.create_queue(QueueName=f"{name}{suffix}", Attributes=attributes)["QueueUrl"]
        settings = {
            **self.settings,
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{through(self.port)}",
            "APP_QUEUE_URL": url,
            "APP_DEAD_LETTER_QUEUE_URL": dead_url,
            "APP_QUEUE_VISIBILITY_SECONDS": str(lock_seconds),
            "APP_QUEUE_ORDERED": str(ordered).lower(),
            "APP_IDEMPOTENCY_TABLE": self._table(name) if self._keeps_keys else "",
        }
        yield SqsQueue(client, url, dead_url, lock_seconds, settings)
        for each in (url, dead_url):
            client.delete_queue(QueueUrl=each)

    def _table(self, name: str) -> str:
        self._clients["dynamodb"].create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def _client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name=self.region,
            endpoint_url=f"http://{LOOPBACK}:{self.port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 any will do
        )


def _entry(number: int, message: Sent) -> Json:
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in message.attributes.items()}
    entry = {"Id": str(number), "MessageBody": message.body, "MessageAttributes": attributes}
    if message.group:
        entry |= {"MessageGroupId": message.group, "MessageDeduplicationId": uuid4().hex}
    return entry


class ServiceBusQueue:
    """By the synchronous SDK; counted by the emulator, for looking at a queue with the SDK moves its messages."""

    lock_seconds: int

    def __init__(self, client: ServiceBusClient, port: int, lock_seconds: int, settings: Mapping[str, str]) -> None:
        self.client, self.port, self.lock_seconds, self.settings = client, port, lock_seconds, settings

    def send(self, messages: Iterable[Sent]) -> None:
        every = [
            ServiceBusMessage(
                each.body,
                application_properties=dict(each.attributes.items()),
                message_id=uuid4().hex,
                session_id=each.group,
            )
            for each in messages
        ]
        with self.client.get_queue_sender("orders") as sender:
            for start in range(0, len(every), 100):
                sender.send_messages(every[start : start + 100])

    def left(self) -> int:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        connection.request("GET", "/statistics")
        counts = json.loads(connection.getresponse().read())["orders"]
        connection.close()
        return sum(number for name, number in counts.items() if name not in ("dead_letters", "locked"))

    def dead_letters(self) -> list[DeadLetter]:
        receiver = self.client.get_queue_receiver(
            "orders",
            sub_queue=ServiceBusSubQueue.DEAD_LETTER,
            receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE,
        )
        found: list[DeadLetter] = []
        with receiver:
            while batch := receiver.receive_messages(max_message_count=50, max_wait_time=1):
                found += [
                    DeadLetter(
                        str(each),
                        each.dead_letter_reason or "",
                        each.dead_letter_error_description or "",
                        {_text(name): _text(value) for name, value in (each.application_properties or {}).items()},
                    )
                    for each in batch
                ]
        return found


class ServiceBus:
    """The emulators of Service Bus and, for the keys, of Table storage: a pair for each queue."""

    lock_seconds = 3
    """A round trip of the SDK takes up to 0.2 s, and locks are renewed after a third of them."""

    @contextmanager
    def queue(
        self, folder: Path, *, ordered: bool = False, through: Way = direct, lock_seconds: int | None = None
    ) -> Iterator[Queue]:
        lock_seconds = lock_seconds or self.lock_seconds
        values = {**VALUES, "queue.ordered": ordered, "queue.visibility_timeout": lock_seconds}
        facts = Facts("orders", "westeurope", values)
        with ExitStack() as stack:
            running = stack.enter_context(open_engine("servicebus", facts, folder))
            tables = stack.enter_context(open_engine("tables", facts, folder))
            text = running.settings["APP_QUEUE_CONNECTION_STRING"]
            port = int(running.address.rpartition(":")[2])
            settings = {
                **running.settings,
                **tables.settings,
                "APP_QUEUE_CONNECTION_STRING": text.replace(f":{port}", f":{through(port)}"),
                "APP_QUEUE_VISIBILITY_SECONDS": str(lock_seconds),
                "APP_QUEUE_ORDERED": str(ordered).lower(),
            }
            client = stack.enter_context(ServiceBusClient.from_connection_string(text))
            yield ServiceBusQueue(client, port, lock_seconds, settings)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
