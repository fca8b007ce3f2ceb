"""The queue that Terraform makes is the one that the code counts on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import deployment, pods, settings, spec_of
from standardized_modules.checks.service._records import SPEC
from standardized_modules.checks.service._spec import resolved
from standardized_modules.checks.terraform._session import TERRAFORM, Applied, place, session
from standardized_modules.checks.tree import Overlay
from standardized_modules.errors import SmError

ID = "SM522"
SEVERITY = "error"
TITLE = "The queue is not the one that the code counts on"
WHY = (
    "How long a message stays hidden, how often it is delivered, how large it may be and how long it lives stand in "
    "Terraform and in the settings. Hidden for a shorter time than the worker thinks, a task runs twice at once; "
    "given up by the queue first, it is a dead letter without a reason; expired before its last attempt, nobody sees "
    "it fail; kept longer than its idempotency key, a copy of it is executed again. The rules of sm.yaml say the same "
    "of its values; this looks at what stands there now. SM315 looks at the dead letters themselves."
)
SOURCE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"
FIX = "change the value in sm.yaml, and let sm bring Terraform and the settings up to date together"
READS = ("deploy/terraform/*", "deploy/kubernetes/*", "sm.yaml")
_QUEUES = """\
resource "aws_sqs_queue" "tasks" {
  name                       = "orders"
  visibility_timeout_seconds = SECONDS
  message_retention_seconds  = 345600
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 20 })
}

resource "aws_sqs_queue" "dead" {
  name                      = "orders-dead"
  message_retention_seconds = 1209600
}
"""
_PODS = deployment("env: [{name: APP_QUEUE_VISIBILITY_SECONDS, value: '60'}]")
BAD = {**_PODS, f"{TERRAFORM}main.tf": _QUEUES.replace("SECONDS", "30")}
GOOD = {**_PODS, f"{TERRAFORM}main.tf": _QUEUES.replace("SECONDS", "60")}
BATCH_FACTOR = 6
"""AWS: a function that takes batches may need six times the time of one, retries included."""
MESSAGE_BYTES = {"Basic": 262144, "Standard": 262144}
"""By tier of Service Bus. Premium takes up to 100 MB, and how much is the queue's own choice or the service's.
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas"""
SQS_DEFAULTS = {"visibility_timeout_seconds": 30, "message_retention_seconds": 345600, "max_message_size": 1048576}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


class Queue(Struct, frozen=True):
    """What Terraform makes, in the words of the settings. None: not said, or without a limit."""

    address: str
    hidden: float
    retention: float | None
    deliveries: int | None
    max_message: int | None
    ordered: bool
    name: str = ""
    """Where the settings name it: of Service Bus. SQS is found by its URL, which Terraform gives."""
    missing: tuple[str, ...] = ()
    """What it is told to do and its tier does not have."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every environment that has both sides."""
    given = {overlay.name: values for overlay in tree.overlays for _, pod, _ in pods(overlay)
             if "APP_QUEUE_VISIBILITY_SECONDS" in (values := settings(overlay, pod))}  # fmt: skip
    if not given:
        return
    processing = _processing_times(tree)
    names = {overlay.name: list(_names(overlay, given.get(overlay.name, {}))) for overlay in tree.overlays}
    for applied in session(tree).applied():
        environment = applied.environment or "prod"
        own = given.get(environment)
        for queue in _queues(applied) if own else ():
            path, line = place(tree, applied.root, queue.address)
            for message in _differences(queue, own or {}, processing.get(environment), names.get(environment, [])):
                yield Finding(ID, path, line, f"{queue.address} ({applied.environment}): {message}", FIX)


def _differences(
    queue: Queue, own: Mapping[str, str], processing: float | None, names: list[tuple[str, str]]
) -> Iterator[str]:
    number = {name: float(text) for name, text in own.items() if re.fullmatch(r"[0-9.]+", text)}
    for feature in queue.missing:
        yield f"its namespace is of the basic tier, which has no {feature}"
    for where, name in names:
        if queue.name and name != queue.name:
            yield f"is called {queue.name}, {where} says {name}"
    hidden = number.get("APP_QUEUE_VISIBILITY_SECONDS", queue.hidden)
    if queue.hidden != hidden:
        yield f"hides a message for {queue.hidden:g} s, the worker counts on {hidden:g} s"
    if processing and own.get("APP_WORKER_HEARTBEAT") == "false" and queue.hidden < BATCH_FACTOR * processing:
        yield f"hides a message for {queue.hidden:g} s, less than {BATCH_FACTOR} times {processing:g} s, unrenewed"
    attempts = number.get("APP_WORKER_MAX_ATTEMPTS")
    if attempts and queue.deliveries is not None and queue.deliveries <= attempts:
        yield f"gives a message up after {queue.deliveries} deliveries, the worker after {attempts:g} attempts"
    counted_on = number.get("APP_QUEUE_MAX_DELIVERIES")
    if counted_on and queue.deliveries is not None and queue.deliveries < counted_on:
        yield f"gives a message up after {queue.deliveries} deliveries, tasks may want up to {counted_on:g} attempts"
    longest = (attempts or 0) * (queue.hidden + number.get("APP_WORKER_RETRY_CAP_SECONDS", 0))
    if queue.retention is not None and queue.retention < longest:
        yield f"keeps a message for {queue.retention:g} s, its attempts may take {longest:g} s"
    largest = number.get("APP_QUEUE_MAX_MESSAGE_BYTES")
    if largest and queue.max_message is not None and queue.max_message < largest:
        yield f"takes {queue.max_message} bytes, producers send up to {largest:g}"
    remembered = number.get("APP_IDEMPOTENCY_TTL_SECONDS")
    if remembered and queue.retention is not None and remembered < queue.retention:
        yield f"keeps a message for {queue.retention:g} s, its idempotency key is forgotten after {remembered:g} s"
    if own.get("APP_QUEUE_ORDERED", str(queue.ordered)).lower() != str(queue.ordered).lower():
        yield f"is {'' if queue.ordered else 'not '}ordered, the code counts on the contrary"


def _names(overlay: Overlay, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where the manifests say the name of the queue of Service Bus."""
    if "APP_QUEUE_NAME" in given:
        yield "APP_QUEUE_NAME", given["APP_QUEUE_NAME"]
    for scaled in overlay.of("ScaledObject"):
        for trigger in spec_of(scaled).get("triggers") or ():
            if trigger.get("type") == "azure-servicebus":
                yield "KEDA's trigger", str((trigger.get("metadata") or {}).get("queueName"))


def _queues(applied: Applied) -> Iterator[Queue]:
    for address, values in applied.of("aws_sqs_queue"):
        policy = _redrive(values)
        if policy:
            numbers = {name: int(values.get(name) or default) for name, default in SQS_DEFAULTS.items()}
            yield Queue(
                address, numbers["visibility_timeout_seconds"], numbers["message_retention_seconds"],
                int(policy["maxReceiveCount"]), numbers["max_message_size"], bool(values.get("fifo_queue")),
            )  # fmt: skip
    tiers = {values.get("id"): values.get("sku") for _, values in applied.of("azurerm_servicebus_namespace")}
    for address, values in applied.of("azurerm_servicebus_queue"):
        yield _service_bus(address, values, str(tiers.get(values.get("namespace_id"))))


def _service_bus(address: str, values: Mapping[str, Any], tier: str) -> Queue:
    features = {"requires_session": "sessions", "requires_duplicate_detection": "duplicate detection"}
    return Queue(
        address=address,
        hidden=_seconds(values.get("lock_duration")) or 60,
        retention=_seconds(values.get("default_message_ttl")),
        deliveries=values.get("max_delivery_count") or 10,
        max_message=MESSAGE_BYTES.get(tier),
        ordered=bool(values.get("requires_session")),
        name=str(values.get("name", "")),
        missing=tuple(text for name, text in features.items() if tier == "Basic" and values.get(name)),
    )


def _redrive(values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        policy = json.loads(values.get("redrive_policy") or "{}")
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _seconds(duration: Any) -> float | None:
    """An ISO 8601 duration such as PT1M or P4D."""
    found = _DURATION.fullmatch(str(duration or ""))
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(days * 86400 + hours * 3600 + minutes * 60 + seconds)


def _processing_times(tree: Tree) -> dict[str, float]:
    """`worker.processing_time` by environment; nothing of a spec that SM501 refuses."""
    service = resolved(tree) if SPEC in tree else None
    if service is None or isinstance(service, SmError):
        return {}
    return {
        each.name: float(each.parameters["worker.processing_time"])
        for each in service.environments
        if "worker.processing_time" in each.parameters
    }
