"""Faults of the two identities of an API and its worker: rights that cross over, pods that miss theirs."""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import BASE, PROD, TERRAFORM, Mutation

B = partial(Mutation, service="web_api and worker")
Z = partial(Mutation, service="both on azure")
FILE = f"{TERRAFORM}worker_identity.tf"
MUTATIONS = (
    B("API that takes tasks", "SM303", FILE, '"sqs:SendMessage"', '"sqs:*"'),
    B("API that sends nothing", "SM303", FILE, "role = aws_iam_role.workload.id", "role = aws_iam_role.worker.id"),
    B(
        "tasks taken with the rights of the API",
        "SM303",
        f"{TERRAFORM}queue_access.tf",
        "role = aws_iam_role.worker.id",
        "role = aws_iam_role.workload.id",
    ),
    B(
        "API that writes the table",
        "SM303",
        f"{TERRAFORM}idempotency.tf",
        "role = aws_iam_role.worker.id",
        "role = aws_iam_role.workload.id",
    ),
    B("worker's role for any account", "SM303", FILE, '= "${local.service}-worker"', '= "*"'),
    B(
        "worker that runs as the API",
        "SM520",
        f"{BASE}worker-deployment.yaml",
        "serviceAccountName: orders-worker",
        "serviceAccountName: orders",
    ),
    B(
        "account of the worker left out",
        "SM208",
        f"{BASE}kustomization.yaml",
        "  - worker-service-account.yaml\n",
        "",
    ),
    Z("API that owns the queue", "SM303", FILE, "Data Sender", "Data Owner"),
    Z("worker's identity for the API", "SM303", FILE, "${local.service}-worker", "${local.service}"),
    Z(
        "tasks taken with the rights of the API on azure",
        "SM303",
        f"{TERRAFORM}queue_access.tf",
        "azurerm_user_assigned_identity.worker.principal_id",
        "azurerm_user_assigned_identity.workload.principal_id",
    ),
    Z(
        "API's identity in the worker's account",
        "SM220",
        f"{PROD}kustomization.yaml",
        "{kind: ServiceAccount, name: orders-worker}",
        "{kind: ServiceAccount, name: orders}",
    ),
)
