"""Faults in the HCL of a queue and of what belongs to it, on both clouds."""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import TERRAFORM as T
from tests.generated.mutations._mutation import Mutation

W = partial(Mutation, service="worker")
A = partial(Mutation, service="worker on azure")
MUTATIONS = (
    W(
        "queue that gives up at once",
        "SM302",
        f"{T}queue.tf",
        "min(2 * local.settings.queue.max_attempts + 10, 1000)",
        "0",
    ),
    W("mode of FIFO queues on another", "SM302", f"{T}queue.tf", '? "messageGroup" : null', '? null : "messageGroup"'),
    W("key of the table misspelt", "SM302", f"{T}idempotency.tf", '    name = "key"', '    name = "keys"'),
    W(
        "KEDA's role for the whole account",
        "SM303",
        f"{T}autoscaling.tf",
        "var.keda_operator_role_arn",
        "local.account_root_arn",
    ),
    W("KEDA without its session tags", "SM303", f"{T}autoscaling.tf", ', "sts:TagSession"', ""),
    W("workers that may send nothing", "SM303", f"{T}queue_access.tf", '        "sqs:SendMessage",\n', ""),
    W(
        "topics of everybody",
        "SM303",
        f"{T}queue_access.tf",
        'ArnEquals = { "aws:SourceArn" = topics }',
        'ArnLike = { "aws:SourceArn" = "*" }',
    ),
    W(
        "producers that may take tasks",
        "SM303",
        f"{T}queue_access.tf",
        'Action    = "sqs:SendMessage"',
        'Action    = "sqs:ReceiveMessage"',
    ),
    W(
        "duplicates told by their content",
        "SM303",
        f"{T}queue.tf",
        "content_based_deduplication = false",
        "content_based_deduplication = local.settings.queue.ordered || true",
    ),
    W(
        "alarm after the quota",
        "SM303",
        f"{T}queue_alarms.tf",
        "threshold           = 96000",
        "threshold           = 960000",
    ),
    W(
        "alarm of the wrong queue",
        "SM303",
        f"{T}queue_alarms.tf",
        "QueueName = aws_sqs_queue.dead_letters.name",
        "QueueName = aws_sqs_queue.tasks.name",
    ),
    W(
        "queue without the service's key",
        "SM310",
        f"{T}queue.tf",
        "kms_master_key_id = aws_kms_key.service.arn",
        "sqs_managed_sse_enabled = false",
    ),
    W("table that one destroy removes", "SM312", f"{T}idempotency.tf", 'var.environment == "prod"', "false"),
    W(
        "table of tasks without recovery",
        "SM313",
        f"{T}idempotency.tf",
        "point_in_time_recovery {\n    enabled = true",
        "point_in_time_recovery {\n    enabled = false",
    ),
    W("KEDA reads every queue", "SM314", f"{T}autoscaling.tf", "Resource = aws_sqs_queue.tasks.arn", 'Resource = "*"'),
    W("workers own the queue", "SM314", f"{T}queue_access.tf", '"sqs:SendMessage",\n', '"sqs:*",\n'),
    W(
        "task that comes back for ever",
        "SM315",
        f"{T}queue.tf",
        """  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = min(2 * local.settings.queue.max_attempts + 10, 1000)
  })
""",
        "",
    ),
    W(
        "dead letters of the wrong queue",
        "SM315",
        f"{T}queue.tf",
        "[aws_sqs_queue.tasks.arn]",
        "[aws_sqs_queue.dead_letters.arn]",
    ),
    W("dead letters of every queue", "SM315", f"{T}queue.tf", '"byQueue"', '"allowAll"'),
    W(
        "calls without TLS",
        "SM316",
        f"{T}queue_access.tf",
        '"aws:SecureTransport" = "false"',
        '"aws:SecureTransport" = "true"',
    ),
    A("lock of six minutes", "SM302", f"{T}queue.tf", "= local.durations.lock", '= "PT6M"'),
    A(
        "units on a standard namespace",
        "SM302",
        f"{T}queue.tf",
        "var.queue_messaging_units : 0",
        "var.queue_messaging_units : 1",
    ),
    A(
        "shared keys of the namespace",
        "SM303",
        f"{T}queue.tf",
        "local_auth_enabled            = false",
        "local_auth_enabled            = true",
    ),
    A(
        "roles on the whole namespace",
        "SM303",
        f"{T}queue_access.tf",
        "azurerm_servicebus_queue.tasks.id",
        "azurerm_servicebus_namespace.tasks.id",
    ),
    A(
        "duration in another spelling",
        "SM303",
        f"{T}queue.tf",
        '"${floor(seconds / 86400)}D"',
        '"${floor(seconds / 86400)}DT"',
    ),
    A(
        "keys of the storage account",
        "SM303",
        f"{T}idempotency.tf",
        "shared_access_key_enabled       = false",
        "shared_access_key_enabled       = true",
    ),
    A(
        "KEDA with the pods' identity",
        "SM303",
        f"{T}autoscaling.tf",
        "= azurerm_user_assigned_identity.keda.id",
        "= azurerm_user_assigned_identity.workload.id",
    ),
    A(
        "old TLS of the storage account",
        "SM310",
        f"{T}idempotency.tf",
        '  min_tls_version                   = "TLS1_2"\n',
        "",
    ),
    A("storage for everybody", "SM311", f"{T}idempotency.tf", "= false\n  cross_tenant", "= true\n  cross_tenant"),
    A("workers own everything", "SM314", f"{T}queue_access.tf", '"Azure Service Bus Data Sender"])', '"Owner"])'),
    A(
        "expired task that vanishes",
        "SM315",
        f"{T}queue.tf",
        "dead_lettering_on_message_expiration = true",
        "dead_lettering_on_message_expiration = false",
    ),
)
