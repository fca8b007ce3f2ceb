"""The calls of SQS that the adapter makes: batches, partial failures, errors of the port."""

import asyncio
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from botocore.exceptions import ClientError

from ..aws_client import AWS_ERRORS, Connection, client_config, error_code, session
from .port import BrokerUnavailable, LockLost
from .sqs_messages import BATCH_MESSAGES, batches

if TYPE_CHECKING:
    from types_aiobotocore_sqs.client import SQSClient
    from types_aiobotocore_sqs.literals import MessageSystemAttributeNameType
    from types_aiobotocore_sqs.type_defs import MessageTypeDef, SendMessageBatchRequestEntryTypeDef

LONG_POLL_SECONDS = 20
"""The longest that SQS allows, and the cheapest: every poll is paid for, also an empty one."""
READ_TIMEOUT = LONG_POLL_SECONDS + 10
PAUSES = (0.0, 0.2, 1.0)
"""Before each try for the entries of a batch that failed on SQS's side."""

NOT_OURS = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})
"""Answers to a receipt that ran out. The last one is what FIFO queues say; receipt and timeout are
the only parameters of these calls, and the timeout is always within its limits."""
REFUSED = frozenset({"InvalidMessageContents", "InvalidParameterValue", "BatchRequestTooLong"})
SYSTEM_ATTRIBUTES: "list[MessageSystemAttributeNameType]" = [
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageGroupId",
    "SentTimestamp",
]
CountName = Literal[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]
COUNTS: tuple[CountName, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsCalls:
    """A connection to SQS; queues are named by their URLs."""

    def __init__(self, region: str) -> None:
        self._connection: Connection[SQSClient] = Connection(
            lambda: session().create_client(
                "sqs", region_name=region or None, config=client_config(READ_TIMEOUT)
            )
        )

    async def send(
        self, url: str, entries: "Iterable[SendMessageBatchRequestEntryTypeDef]"
    ) -> set[str]:
        """Send all of them, or raise; some may have been sent then. Returns the ids they got."""
        ids: set[str] = set()
        for batch in batches(entries):
            ids |= await self._send_batch(url, batch)
        return ids

    async def receive(
        self, url: str, limit: float, wait_seconds: float, hidden_seconds: int
    ) -> "list[MessageTypeDef]":
        """Up to ten messages; a wait, however short, makes SQS ask all of its servers."""
        # FIFO queues answer a repeated request with the messages of the lost answer.
        attempt: dict[str, Any] = (
            {"ReceiveRequestAttemptId": str(uuid4())} if url.endswith(".fifo") else {}
        )
        with _broker_errors():
            client = await self._connection.client()
            answer = await client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=int(min(limit, BATCH_MESSAGES)),
                WaitTimeSeconds=min(math.ceil(wait_seconds), LONG_POLL_SECONDS),
                VisibilityTimeout=hidden_seconds,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
                **attempt,
            )
        return answer.get("Messages", [])

    async def delete(self, url: str, receipts: Sequence[str]) -> list[str]:
        """Delete messages; returns the receipts that had run out."""
        return await self._by_receipt("delete_message_batch", url, receipts, {})

    async def show(self, url: str, receipts: Sequence[str]) -> list[str]:
        """Make messages visible at once; returns the receipts that had run out."""
        zero = {"VisibilityTimeout": 0}
        return await self._by_receipt("change_message_visibility_batch", url, receipts, zero)

    async def hide(self, url: str, receipt: str, seconds: int) -> None:
        """Hide a message for this long from now on. LockLost."""
        with _broker_errors():
            client = await self._connection.client()
            try:
                await client.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds
                )
            except ClientError as error:
                if error_code(error) in NOT_OURS:
                    raise LockLost(str(error)) from error
                raise

    async def counts(self, url: str) -> tuple[int, ...]:
        """Messages that are visible, hidden, delayed."""
        with _broker_errors():
            client = await self._connection.client()
            answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)
        return tuple(int(answer["Attributes"][name]) for name in COUNTS)

    async def close(self) -> None:
        """Drop the connections."""
        await self._connection.close()

    async def _send_batch(
        self, url: str, batch: "list[SendMessageBatchRequestEntryTypeDef]"
    ) -> set[str]:
        ids: set[str] = set()
        for pause in PAUSES:
            await asyncio.sleep(pause)
            with _broker_errors():
                client = await self._connection.client()
                try:
                    answer = await client.send_message_batch(QueueUrl=url, Entries=batch)
                except ClientError as error:
                    if error_code(error) in REFUSED:
                        raise ValueError(f"SQS refuses the message: {error}") from error
                    raise
            ids |= {each["MessageId"] for each in answer.get("Successful", [])}
            failed = {each["Id"]: each for each in answer.get("Failed", [])}
            for each in failed.values():
                if each["SenderFault"]:
                    fault = f"{each['Code']} {each.get('Message', '')}"
                    raise ValueError(f"SQS refuses the message: {fault}")
            batch = [entry for entry in batch if entry["Id"] in failed]
            if not batch:
                return ids
        raise BrokerUnavailable(f"SQS did not take {len(batch)} messages")

    async def _by_receipt(
        self, operation: str, url: str, receipts: Sequence[str], values: dict[str, int]
    ) -> list[str]:
        lost: list[str] = []
        for start in range(0, len(receipts), BATCH_MESSAGES):
            left = list(receipts[start : start + BATCH_MESSAGES])
            for pause in PAUSES:
                await asyncio.sleep(pause)
                with _broker_errors():
                    call = getattr(await self._connection.client(), operation)
                    answer = await call(
                        QueueUrl=url,
                        Entries=[
                            {"Id": str(number), "ReceiptHandle": receipt, **values}
                            for number, receipt in enumerate(left)
                        ],
                    )
                failed = {
                    left[int(each["Id"])]: each["Code"].rpartition(".")[2]
                    for each in answer.get("Failed", [])
                }
                lost += [receipt for receipt, code in failed.items() if code in NOT_OURS]
                left = [receipt for receipt, code in failed.items() if code not in NOT_OURS]
                if not left:
                    break
            else:
                raise BrokerUnavailable(f"SQS did not answer for {len(left)} messages")
        return lost


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        raise BrokerUnavailable(f"SQS: {error}") from error
