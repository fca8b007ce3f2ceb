"""Idempotency keys in DynamoDB: one conditional write a claim, one to finish it.

Leases are compared with each worker's own clock. Those of cloud machines differ by milliseconds; a
lease has to be longer than that, and is: it is a visibility timeout.
"""

import hashlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .aws_client import AWS_ERRORS, Connection, client_config, error_code, session
from .idempotency_keys import Claimed
from .queue import BrokerUnavailable

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb.client import DynamoDBClient
    from types_aiobotocore_dynamodb.type_defs import UniversalAttributeValueTypeDef

READ_TIMEOUT = 5
"""A write takes milliseconds; every task waits for one before it begins."""
MAX_KEY_BYTES = 1024
"""DynamoDB allows 2048; longer keys are stored as their hash."""
CONDITION_FAILED = "ConditionalCheckFailedException"
# Names stand apart from expressions: some of them are reserved words.
NAMES = {"#key": "key", "#owner": "owner"}
CLAIM_NAMES = {**NAMES, "#done": "done", "#lease": "lease_until", "#expires": "expires_at"}


class DynamoIdempotencyStore:
    """A table with the partition key `key` and the TTL attribute `expires_at`."""

    def __init__(self, table: str, keep_seconds: float, region: str) -> None:
        self._table = table
        self._keep_seconds = keep_seconds
        self._connection: Connection[DynamoDBClient] = Connection(
            lambda: session().create_client(
                "dynamodb", region_name=region or None, config=client_config(READ_TIMEOUT)
            )
        )

    async def claim(self, key: str, owner: str, lease_seconds: float) -> Claimed:
        """See IdempotencyStore."""
        now = time.time()
        lease_until = now + lease_seconds
        with _store_errors():
            client = await self._connection.client()
            try:
                await client.put_item(
                    TableName=self._table,
                    Item={
                        **_item(key, owner, lease_until),
                        "lease_until": {"N": f"{lease_until:.3f}"},
                    },
                    # DynamoDB deletes within days of `expires_at`, so it is compared as well.
                    ConditionExpression=(
                        "attribute_not_exists(#key) OR #expires <= :now OR "
                        "(attribute_not_exists(#done) AND (#owner = :owner OR #lease <= :now))"
                    ),
                    ExpressionAttributeNames=CLAIM_NAMES,
                    ExpressionAttributeValues={":now": {"N": f"{now:.3f}"}, ":owner": {"S": owner}},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
                found = error.response.get("Item")
                return "done" if isinstance(found, dict) and "done" in found else "busy"
        return "new"

    async def finish(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        done: UniversalAttributeValueTypeDef = {"BOOL": True}
        with _store_errors(), _not_ours():
            client = await self._connection.client()
            await client.put_item(
                TableName=self._table,
                Item={**_item(key, owner, time.time() + self._keep_seconds), "done": done},
                ConditionExpression="attribute_not_exists(#key) OR #owner = :owner",
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues={":owner": {"S": owner}},
            )

    async def release(self, key: str, owner: str) -> None:
        """See IdempotencyStore."""
        with _store_errors(), _not_ours():
            client = await self._connection.client()
            await client.delete_item(
                TableName=self._table,
                Key={"key": {"S": _stored(key)}},
                ConditionExpression="#owner = :owner AND attribute_not_exists(#done)",
                ExpressionAttributeNames={"#owner": "owner", "#done": "done"},
                ExpressionAttributeValues={":owner": {"S": owner}},
            )

    async def close(self) -> None:
        """See IdempotencyStore."""
        await self._connection.close()


def _item(key: str, owner: str, expires_at: float) -> "dict[str, UniversalAttributeValueTypeDef]":
    return {
        "key": {"S": _stored(key)},
        "owner": {"S": owner},
        # TTL takes whole seconds.
        "expires_at": {"N": str(math.ceil(expires_at))},
    }


def _stored(key: str) -> str:
    encoded = key.encode()
    return key if len(encoded) <= MAX_KEY_BYTES else hashlib.sha256(encoded).hexdigest()


@contextmanager
def _not_ours() -> Iterator[None]:
    """The key belongs to another owner by now, who decides about it."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != CONDITION_FAILED:
            raise


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        raise BrokerUnavailable(f"DynamoDB: {error}") from error
