"""What SM522 compares beside the visibility of its samples, one difference at a time."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.kubernetes._manifests import deployment
from standardized_modules.checks.service import queue_agrees
from standardized_modules.checks.terraform._session import TERRAFORM

SQS = """\
resource "aws_sqs_queue" "tasks" {
  name                       = "orders"
  visibility_timeout_seconds = 30
  message_retention_seconds  = 345600
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 20 })
}

resource "aws_sqs_queue" "dead" {
  name                      = "orders-dead"
  message_retention_seconds = 1209600
}
"""
SERVICE_BUS = """\
provider "azurerm" {
  features {}
}

resource "azurerm_servicebus_queue" "tasks" {
  name                                 = "orders"
  namespace_id                         = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n"
  lock_duration                        = "PT30S"
  default_message_ttl                  = "P4D"
  dead_lettering_on_message_expiration = true
  max_delivery_count                   = 20
  requires_session                     = false
}
"""
SPEC = """\
version: 1
name: orders
patterns: [background_worker]
cloud: aws
region: eu-west-1
owner: team-orders
parameters:
  worker: {processing_time: 10, heartbeat: false}
  queue: {visibility_timeout: 60}
"""


def found(terraform: str, **settings: str) -> list[str]:
    given = {"APP_QUEUE_VISIBILITY_SECONDS": "30", "APP_WORKER_MAX_ATTEMPTS": "5", **settings}
    env = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in given.items())
    tree = Tree({**deployment(f"env: [{env}]"), f"{TERRAFORM}main.tf": terraform, "sm.yaml": SPEC})
    return [finding.message for finding in queue_agrees.check(tree)]


@pytest.mark.parametrize("terraform", [SQS, SERVICE_BUS], ids=["sqs", "service-bus"])
def test_agreement(terraform: str) -> None:
    assert found(terraform, APP_IDEMPOTENCY_TTL_SECONDS="604800", APP_QUEUE_ORDERED="false") == []


@pytest.mark.parametrize("terraform", [SQS, SERVICE_BUS], ids=["sqs", "service-bus"])
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("APP_QUEUE_VISIBILITY_SECONDS", "60", "the worker counts on 60 s"),
        ("APP_WORKER_HEARTBEAT", "false", "less than 6 times 10 s"),
        ("APP_WORKER_MAX_ATTEMPTS", "20", "gives a message up after 20 deliveries"),
        ("APP_QUEUE_MAX_DELIVERIES", "21", "after 20 deliveries, tasks may want up to 21 attempts"),
        ("APP_WORKER_RETRY_CAP_SECONDS", "69091", "keeps a message for 345600 s, its attempts may take 345605 s"),
        ("APP_IDEMPOTENCY_TTL_SECONDS", "86400", "forgotten after 86400 s"),
        ("APP_QUEUE_ORDERED", "true", "is not ordered"),
    ],
)
def test_difference(terraform: str, name: str, value: str, says: str) -> None:
    (message,) = found(terraform, **{name: value})

    assert says in message


def test_message_that_the_queue_refuses() -> None:
    terraform = SQS.replace("  visibility_timeout", "  max_message_size = 65536\n  visibility_timeout")

    assert "takes 65536 bytes, producers send up to 262144" in found(terraform, APP_QUEUE_MAX_MESSAGE_BYTES="262144")[0]


NAMESPACE = """\
resource "azurerm_servicebus_namespace" "tasks" {
  name                = "orders"
  resource_group_name = "g"
  location            = "westeurope"
  sku                 = "TIER"
}
"""


def in_tier(tier: str, **settings: str) -> list[str]:
    """With a namespace of a tier around the queue, which drops duplicates."""
    place = '"/subscriptions/1/resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n"'
    queue = SERVICE_BUS.replace(place, "azurerm_servicebus_namespace.tasks.id\n  requires_duplicate_detection = true")
    return found(queue + NAMESPACE.replace("TIER", tier), **settings)


def test_the_basic_tier_lacks_what_the_queue_is_told_to_do() -> None:
    assert in_tier("Standard") == []
    assert in_tier("Basic") == [
        "azurerm_servicebus_queue.tasks (): its namespace is of the basic tier, which has no duplicate detection"
    ]


def test_message_that_the_tier_refuses() -> None:
    assert in_tier("Standard", APP_QUEUE_MAX_MESSAGE_BYTES="262144") == []
    assert in_tier("Premium", APP_QUEUE_MAX_MESSAGE_BYTES="262145") == []
    (message,) = in_tier("Standard", APP_QUEUE_MAX_MESSAGE_BYTES="262145")
    assert "takes 262144 bytes" in message
