"""Queues refuse calls without TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM316"
SEVERITY = "error"
TITLE = "A queue answers calls without TLS"
WHY = (
    "SQS listens on plain HTTP as well: a client whose endpoint begins with http:// sends messages in the clear, and "
    "it works, so nobody notices. Only a statement in the queue's own policy refuses such calls."
)
SOURCE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html"
FIX = "deny `sqs:*` to everybody in the policy of the queue where aws:SecureTransport is false"
READS = ("deploy/terraform/*",)
_QUEUE = """\
resource "aws_sqs_queue" "jobs" {
  name = "jobs"
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "EFFECT"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.jobs.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
"""
BAD = sample(_QUEUE.replace("EFFECT", "Allow"))
GOOD = sample(_QUEUE.replace("EFFECT", "Deny"))
EVERYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})
EVERYTHING = ("*", "sqs:*", "SQS:*")


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each queue of SQS without such a statement."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    policies = list(applied.of("aws_sqs_queue_policy"))
    for address, queue in applied.of("aws_sqs_queue"):
        urls = (queue.get("url"), queue.get("id"))
        own = [
            queue.get("policy"),
            *(values.get("policy") for _, values in policies if values.get("queue_url") in urls),
        ]
        if not any(_refuses(statement, queue.get("arn")) for policy in own for statement in _statements(policy)):
            yield address, "no statement of its policy denies everything where aws:SecureTransport is false"


def _refuses(statement: Mapping[str, Any], arn: object) -> bool:
    actions, resources = (_listed(statement.get(key)) for key in ("Action", "Resource"))
    conditions = statement.get("Condition")
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in EVERYBODY
        and any(action in EVERYTHING for action in actions)
        and any(resource in ("*", arn) for resource in resources)
        and isinstance(conditions, dict)
        and list(conditions) == ["Bool"]
        and {name.lower(): str(value).lower() for name, value in conditions["Bool"].items()}
        == {"aws:securetransport": "false"}
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(text: object) -> Iterator[Mapping[str, Any]]:
    try:
        document = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return  # SM302 reports it
    found = document.get("Statement") if isinstance(document, dict) else None
    yield from (each for each in _listed(found) if isinstance(each, dict))
