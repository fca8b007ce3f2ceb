"""What a consumer cannot handle is set aside, where somebody finds it in time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM315"
SEVERITY = "error"
TITLE = "Messages that cannot be handled come back for ever, or are lost"
WHY = (
    "A message that ends its consumer is delivered again to the next one, day and night, until it expires without a "
    "word. A dead-letter queue ends that, when it is of the same kind, keeps messages longer than the queue (SQS "
    "counts from the first send) and is nobody else's. Scanners look at the encryption of a queue, not at this."
)
SOURCE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"
FIX = "give the queue a dead-letter queue of its own, of the same kind and with the longer retention"
READS = ("deploy/terraform/*",)
_QUEUES = """\
resource "aws_sqs_queue" "jobs" {
  name           = "jobs"
REDRIVE}

resource "aws_sqs_queue" "dead" {
  name                      = "jobs-dead"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.jobs.arn]
  })
}
"""
_REDRIVE = "  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 5 })\n"
BAD = sample(_QUEUES.replace("REDRIVE", ""))
GOOD = sample(_QUEUES.replace("REDRIVE", _REDRIVE))
DEFAULT_RETENTION = 345600
"""Seconds that SQS keeps a message when nothing is said."""
Queue = Mapping[str, Any]


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for queues of SQS and of Service Bus."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    queues = list(applied.of("aws_sqs_queue"))
    by_arn = {values["arn"]: (address, values) for address, values in queues if values.get("arn")}
    redriven = {address: _target(applied, values) for address, values in queues}
    allowed = dict(_allowed(applied, queues))
    ends = {arn for arn in redriven.values() if arn} | set(_of_subscriptions(applied))
    for address, values in queues:
        arn = redriven[address]
        if arn and arn in by_arn:
            end, dead = by_arn[arn]
            yield from ((address, message) for message in _differences(values, end, dead))
            if end not in allowed:
                yield end, "any queue of the account may set its failures aside here: no byQueue redrive allow policy"
            elif values.get("arn") not in allowed[end]:
                yield (
                    end,
                    f"its redrive allow policy does not name {address}, whose failures SQS will not set aside here",
                )
        elif not arn and values.get("arn") not in ends:
            yield address, "has no redrive policy, so a message that cannot be handled comes back until it expires"
    for address, values in applied.of("azurerm_servicebus_queue", "azurerm_servicebus_subscription"):
        if not values.get("dead_lettering_on_message_expiration"):
            yield address, "a message that expires is deleted: dead_lettering_on_message_expiration is not set"


def _differences(queue: Queue, end: str, dead: Queue) -> Iterator[str]:
    if bool(queue.get("fifo_queue")) != bool(dead.get("fifo_queue")):
        yield f"one of it and {end} is a FIFO queue, the other is not"
    kept, kept_dead = (each.get("message_retention_seconds") or DEFAULT_RETENTION for each in (queue, dead))
    if kept_dead < kept:
        yield f"{end} keeps messages for {kept_dead} s, less than the {kept} s that they may have waited before"


def _target(applied: Applied, queue: Queue) -> str:
    """The queue that failures go to, by the queue's own argument or by a resource."""
    policies = [queue.get("redrive_policy")]
    policies += [
        values.get("redrive_policy")
        for _, values in applied.of("aws_sqs_queue_redrive_policy")
        if values.get("queue_url") in (queue.get("url"), queue.get("id"))
    ]
    return next((str(found) for policy in policies if (found := _document(policy).get("deadLetterTargetArn"))), "")


def _allowed(applied: Applied, queues: list[tuple[str, Queue]]) -> Iterator[tuple[str, list[Any]]]:
    """Addresses of queues that say whose failures they take, with the ARNs of those."""
    resources = list(applied.of("aws_sqs_queue_redrive_allow_policy"))
    for address, queue in queues:
        policies = [queue.get("redrive_allow_policy")]
        urls = (queue.get("url"), queue.get("id"))
        policies += [values.get("redrive_allow_policy") for _, values in resources if values.get("queue_url") in urls]
        for document in map(_document, policies):
            if document.get("redrivePermission") == "byQueue":
                sources = document.get("sourceQueueArns")
                yield address, sources if isinstance(sources, list) else [sources]


def _of_subscriptions(applied: Applied) -> Iterator[str]:
    for _, values in applied.of("aws_sns_topic_subscription"):
        if found := _document(values.get("redrive_policy")).get("deadLetterTargetArn"):
            yield str(found)


def _document(text: object) -> Mapping[str, Any]:
    try:
        document = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}  # SM302 reports it
    return document if isinstance(document, dict) else {}
