"""Faults that no check sees: the known limits, see docs/guides/known-limits.md.

`check_id` is the check that comes nearest. A test proves that each really gets through it, so that
the list shrinks as soon as a check learns to see one.
"""

from __future__ import annotations

from tests.generated.mutations._mutation import BASE, PROD, TERRAFORM, WORKFLOWS
from tests.generated.mutations._mutation import Mutation as M

MUTATIONS = (
    M(
        "misspelt variable of a library",
        "SM510",
        f"{BASE}settings.env",
        "APP_PORT",
        "OTEL_BSP_MAX_QUEUE_SIZ=1\nAPP_PORT",
    ),
    M(
        "firewall far looser than the service",
        "SM513",
        f"{TERRAFORM}locals.tf",
        "waf_rate_limit = 10000",
        "waf_rate_limit = 10000000",
    ),
    M("version in the comment is not the commit's", "SM402", f"{WORKFLOWS}ci.yaml", "# v7.0.1", "# v6.9.9"),
    M(
        "script from the internet",
        "SM402",
        f"{WORKFLOWS}ci.yaml",
        "run: make test",
        "run: curl --fail https://example.com/install.sh | bash",
    ),
    M(
        "managed rule group that does not exist",
        "SM302",
        f"{TERRAFORM}waf.tf",
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesAmazonIpReputation",
    ),
    M(
        "condition key that does not exist",
        "SM314",
        f"{TERRAFORM}notifications.tf",
        '"aws:SourceAccount"',
        '"aws:SourceAcount"',
    ),
    M("alert that waits too long", "SM222", f"{PROD}prometheus-rule-rate-limit.yaml", "for: 15m", "for: 15d"),
    M(
        "base image tag that does not exist",
        "SM102",
        "Dockerfile",
        "python:3.13.15-slim-trixie AS",
        "python:3.13-slim-trixy AS",
    ),
    M(
        "bucket of another service's state",
        "SM304",
        f"{TERRAFORM}environments/prod.s3.tfbackend",
        "orders/",
        "invoices/",
    ),
    M(
        "public way beside a private endpoint",
        "SM303",
        f"{TERRAFORM}queue.tf",
        "public_network_access_enabled = !local.is_private_queue",
        "public_network_access_enabled = true",
        "worker on azure",
    ),
    M("keys of tasks in one zone", "SM310", f"{TERRAFORM}idempotency.tf", '"ZRS"', '"LRS"', "worker on azure"),
    M(
        "metric that Azure Monitor does not have",
        "SM302",
        f"{TERRAFORM}queue_alerts.tf",
        '"DeadletteredMessages"',
        '"DeadLetteredTasks"',
        "worker on azure",
    ),
    M(
        "version of the firewall's rules that does not exist",
        "SM302",
        f"{TERRAFORM}waf.tf",
        'version = "1.1"',
        'version = "1.9"',
        "both on azure",
    ),
    M(
        "client of another environment",
        "SM404",
        f"{WORKFLOWS}deploy-environment.yaml",
        "client-id: ${{ vars.AZURE_DEPLOY_CLIENT_ID }}",
        "client-id: ${{ vars.AZURE_BUILD_CLIENT_ID }}",
        "worker on azure",
    ),
    M(
        "sign-in that goes stale during a long apply",
        "SM404",
        f"{WORKFLOWS}deploy-environment.yaml",
        'ARM_USE_OIDC: "true"',
        'ARM_USE_OIDC: "false"',
        "worker on azure",
    ),
)
