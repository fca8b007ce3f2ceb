"""SQS and DynamoDB by ministack: the queue, its dead letters and the table of idempotency keys.

ministack speaks the protocols of both over HTTP, so the SDK needs an endpoint and nothing else. Its
data is in memory and gone when it ends.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from standardized_modules.engines.child import Asked, Child, never, wait_until
from standardized_modules.engines.running import (
    LOOPBACK,
    START_SECONDS,
    EngineError,
    Facts,
    Running,
    failed,
    free_port,
    missing,
)

PACKAGE = "ministack"
TRIES = 3
"""Another process may take the free port before ministack does, which can't choose one itself."""
LARGEST_MESSAGE = 262_144
"""Bytes. ministack 1.4 refuses queues for more; SQS itself takes 1 MiB since August 2025."""
ACCESS_KEY = "local"
"""ministack takes any."""
_REMOVED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
)
"""Whatever would lead the SDK to a real account."""


class _Api:
    """The JSON protocol of AWS. Signatures are not checked; their scope names service and region."""

    def __init__(self, port: int, region: str) -> None:
        self.port = port
        self.region = region

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def answers(self) -> bool:
        """Whether both services answer."""
        try:
            self.sqs("ListQueues", {})
            self.dynamodb("ListTables", {})
        except (OSError, http.client.HTTPException, EngineError):
            return False
        return True

    def sqs(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("sqs", f"AmazonSQS.{action}", body)

    def dynamodb(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("dynamodb", f"DynamoDB_20120810.{action}", body)

    def _call(self, service: str, target: str, body: dict[str, Any]) -> dict[str, Any]:
        scope = f"{ACCESS_KEY}/20260101/{self.region}/{service}/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("POST", "/", json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise EngineError(
                f"the engine 'sqs' refuses {target}: {text}", hint="compare sm.yaml with what the message says"
            )
        answer: dict[str, Any] = json.loads(text or "{}")
        return answer


@contextmanager
def engine(facts: Facts, folder: Path, cancelled: Asked = never) -> Iterator[Running]:
    """Run ministack for a service.

    Args:
        facts: The service.
        folder: For its log and its temporary files.
        cancelled: Whether to stop waiting for it.

    Raises:
        UsageError: when it is not installed.
        EngineError: when it does not start, or refuses what the service needs.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise missing(PACKAGE, "sqs")
    log = folder / "sqs.log"
    for attempt in range(TRIES):
        port = free_port()
        child = _start(port, facts, folder, log)
        try:
            api = _Api(port, facts.region)
            if wait_until(api.answers, child, START_SECONDS, cancelled):
                yield _running(api, facts, child, log)
                return
            if cancelled() or child.code is None or attempt == TRIES - 1:
                raise failed("sqs", "does not start", log)
        finally:
            child.stop(signal.SIGTERM, seconds=5)


def _start(port: int, facts: Facts, folder: Path, log: Path) -> Child:
    own = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,  # stands in the URLs of queues
        "MINISTACK_REGION": facts.region,
        "SERVICES": "sqs,dynamodb",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",  # it would look for containers to remove
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),  # for its file with the process id
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTACK_", "S3_"))}
    with log.open("wb") as output:
        return Child([sys.executable, "-m", PACKAGE], environment={**kept, **own}, folder=folder, output=output)


def _running(api: _Api, facts: Facts, child: Child, log: Path) -> Running:
    queue, dead_letters = _make_queues(api, facts)
    table = _make_table(api, facts)
    return Running(
        name="sqs",
        title=f"SQS and DynamoDB ({PACKAGE} {version(PACKAGE)})",
        address=api.address,
        resources={"queue": queue, "dead letters": dead_letters, "idempotency table": table},
        settings={
            "AWS_ENDPOINT_URL": api.address,
            "AWS_REGION": facts.region,
            "AWS_DEFAULT_REGION": facts.region,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "APP_QUEUE_URL": queue,
            "APP_DEAD_LETTER_QUEUE_URL": dead_letters,
            "APP_IDEMPOTENCY_TABLE": table,
        },
        removed=_REMOVED,
        notes=_notes(facts),
        child=child,
        log=log,
    )


def _make_queues(api: _Api, facts: Facts) -> tuple[str, str]:
    """The queue and its dead letters, with the attributes that Terraform gives them."""
    values = facts.values
    suffix = ".fifo" if values["queue.ordered"] else ""
    common: dict[str, Any] = {
        "VisibilityTimeout": values["queue.visibility_timeout"],
        "ReceiveMessageWaitTimeSeconds": 20,
    }
    if suffix:
        common |= {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "false",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        }
    dead_letters = _make_queue(
        api,
        f"{facts.service}-local-dead-letters{suffix}",
        {
            **common,
            "MaximumMessageSize": LARGEST_MESSAGE,
            "MessageRetentionPeriod": values["queue.dead_letter_retention"],
        },
    )
    found = api.sqs("GetQueueAttributes", {"QueueUrl": dead_letters, "AttributeNames": ["QueueArn"]})
    redrive = {
        "deadLetterTargetArn": found["Attributes"]["QueueArn"],
        "maxReceiveCount": min(2 * int(values["worker.max_attempts"]) + 10, 1000),
    }
    queue = _make_queue(
        api,
        f"{facts.service}-local{suffix}",
        {
            **common,
            "MaximumMessageSize": min(int(values["queue.max_message"]), LARGEST_MESSAGE),
            "MessageRetentionPeriod": values["queue.retention"],
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    return queue, dead_letters


def _make_queue(api: _Api, name: str, attributes: dict[str, Any]) -> str:
    texts = {each: str(value) for each, value in attributes.items()}
    return str(api.sqs("CreateQueue", {"QueueName": name, "Attributes": texts})["QueueUrl"])


def _make_table(api: _Api, facts: Facts) -> str:
    table = f"{facts.service}-local-idempotency"
    keys = {
        "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
    }
    api.dynamodb("CreateTable", {"TableName": table, **keys, "BillingMode": "PAY_PER_REQUEST"})
    expiry = {"Enabled": True, "AttributeName": "expires_at"}
    api.dynamodb("UpdateTimeToLive", {"TableName": table, "TimeToLiveSpecification": expiry})
    return table


def _notes(facts: Facts) -> tuple[str, ...]:
    wanted = int(facts.values["queue.max_message"])
    if wanted <= LARGEST_MESSAGE:
        return ()
    return (f"{PACKAGE} takes messages up to {LARGEST_MESSAGE} bytes; the queue in AWS takes {wanted}",)
