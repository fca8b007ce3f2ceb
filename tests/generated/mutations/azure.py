"""Faults of a worker on Azure: identities and roles, the queue, its alerts, KEDA, the network."""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import BASE, PROD, WORKFLOWS, Mutation
from tests.generated.mutations._mutation import TERRAFORM as T

A = partial(Mutation, service="worker on azure")
DEPLOY = f"{WORKFLOWS}deploy-environment.yaml"
LABEL = 'azure.workload.identity/use: "true"'
MUTATIONS = (
    # The pods' identity.
    A("pods without their identity's label", "SM520", f"{BASE}worker-deployment.yaml", f"        {LABEL}\n", ""),
    A("identity's label says no", "SM520", f"{BASE}worker-deployment.yaml", LABEL, LABEL.replace("true", "false")),
    A("identity's label as a boolean", "SM202", f"{BASE}worker-deployment.yaml", LABEL, LABEL.replace('"', "")),
    A(
        "identity that is nobody's",
        "SM201",
        f"{BASE}service-account.yaml",
        "azure.workload.identity/client-id:",
        "azure.workload.identity/client:",
    ),
    A(
        "identity's id left out",
        "SM220",
        f"{PROD}kustomization.yaml",
        "azure\\.workload\\.identity/client-id']",
        "azure\\.workload\\.identity/id']\n        options: {create: true}",
    ),
    A("identity of every account", "SM303", f"{T}identity.tf", ':${local.service}"', ':*"'),
    A("tokens for another audience", "SM303", f"{T}identity.tf", "AzureADTokenExchange", "AzureTokenExchange"),
    A(
        "tokens of another cluster",
        "SM303",
        f"{T}identity.tf",
        "data.azurerm_kubernetes_cluster.this.oidc_issuer_url",
        '"https://example.com"',
    ),
    # Roles.
    A(
        "producers own the queue",
        "SM303",
        f"{T}queue_access.tf",
        '= "Azure Service Bus Data Sender"',
        '= "Azure Service Bus Data Owner"',
    ),
    A(
        "table of the whole account",
        "SM303",
        f"{T}idempotency.tf",
        "= azurerm_storage_table.idempotency.resource_manager_id",
        "= azurerm_storage_account.idempotency.id",
    ),
    A("pods manage the storage", "SM314", f"{T}idempotency.tf", '"Storage Table Data Contributor"', '"Contributor"'),
    A(
        "KEDA reads every queue of the group",
        "SM303",
        f"{T}autoscaling.tf",
        "scope                = azurerm_servicebus_queue.tasks.id",
        "scope                = data.azurerm_resource_group.service.id",
    ),
    A(
        "role that does not exist",
        "SM303",
        f"{T}queue_access.tf",
        '["Azure Service Bus Data Receiver"',
        '["Azure Service Bus Receiver"',
    ),
    # Ways in.
    A(
        "TLS 1.0 for the queue",
        "SM302",
        f"{T}queue.tf",
        'minimum_tls_version           = "1.2"',
        'minimum_tls_version           = "1.0"',
    ),
    A(
        "storage without TLS",
        "SM310",
        f"{T}idempotency.tf",
        "https_traffic_only_enabled        = true",
        "https_traffic_only_enabled        = false",
    ),
    A("TLS 1.1 for the storage", "SM302", f"{T}idempotency.tf", '"TLS1_2"', '"TLS1_1"'),
    A(
        "key of the queue in the settings",
        "SM216",
        f"{PROD}settings.env",
        "APP_ENVIRONMENT=prod",
        "APP_ENVIRONMENT=prod\nAPP_QUEUE_CONNECTION_STRING=Endpoint=sb://a.servicebus.windows.net/;"
        "SharedAccessKeyName=pods;SharedAccessKey=bm90IGEga2V5LCBidXQgYXMgbG9uZyBhcyBvbmU9",
    ),
    # The queue.
    A(
        "queue that gives up first",
        "SM522",
        f"{T}queue.tf",
        "min(2 * local.settings.queue.max_attempts + 10, 2000)",
        "3",
    ),
    A("tier without duplicate detection", "SM522", f"{T}queue.tf", '"Premium" : "Standard"', '"Premium" : "Basic"'),
    A(
        "duplicates let through",
        "SM303",
        f"{T}queue.tf",
        "requires_duplicate_detection            = true",
        "requires_duplicate_detection            = false",
    ),
    A("sessions that no code counts on", "SM522", f"{T}queue.tf", "= local.settings.queue.ordered", "= true"),
    A("lock shorter than the settings", "SM522", f"{T}queue.tf", "= local.durations.lock", '= "PT30S"'),
    A(
        "tasks that expire before their retries",
        "SM522",
        f"{PROD}settings.env",
        "RETRY_CAP_SECONDS=300",
        "RETRY_CAP_SECONDS=86400",
    ),
    A("attempts beyond the queue's own", "SM522", f"{PROD}settings.env", "MAX_DELIVERIES=30", "MAX_DELIVERIES=50"),
    A("messages beyond the tier", "SM522", f"{PROD}settings.env", "MESSAGE_BYTES=262144", "MESSAGE_BYTES=524288"),
    A("order that the queue does not keep", "SM522", f"{PROD}settings.env", "ORDERED=false", "ORDERED=true"),
    A("queue of another service", "SM522", f"{BASE}settings.env", "APP_QUEUE_NAME=orders", "APP_QUEUE_NAME=invoices"),
    # Who hears of it.
    A("no log of changes", "SM303", f"{T}queue_alerts.tf", 'concat(["OperationalLogs"], local', "concat([], local"),
    A(
        "alerts that reach nobody",
        "SM303",
        f"{T}queue_alerts.tf",
        "  action {\n    action_group_id = azurerm_monitor_action_group.alerts.id\n  }\n",
        "",
    ),
    A(
        "hundred dead letters before an alert",
        "SM303",
        f"{T}queue_alerts.tf",
        "threshold   = 0\n",
        "threshold   = 100\n",
    ),
    A("average of another kind", "SM302", f"{T}queue_alerts.tf", '"Minimum" #', '"Mean" #'),
    A("window that Azure Monitor does not know", "SM302", f"{T}queue_alerts.tf", '"PT5M"', '"PT7M"'),
    # KEDA.
    A("KEDA's pod identity before 2.15", "SM203", f"{BASE}trigger-authentication.yaml", "azure-workload", "azure"),
    A(
        "KEDA without its identity",
        "SM220",
        f"{PROD}kustomization.yaml",
        "fieldPaths: [spec.podIdentity.identityId]",
        "fieldPaths: [spec.podIdentity.identityTenantId]\n        options: {create: true}",
    ),
    A(
        "trigger with a connection string",
        "SM203",
        f"{PROD}scaled-object.yaml",
        "        queueName:",
        "        connectionFromEnv: QUEUE\n        queueName:",
    ),
    A("trigger of a topic", "SM203", f"{PROD}scaled-object.yaml", "queueName: orders", "topicName: orders"),
    A("trigger of another queue", "SM522", f"{PROD}scaled-object.yaml", "queueName: orders", "queueName: invoices"),
    A("messages a pod as a number", "SM203", f"{PROD}scaled-object.yaml", 'messageCount: "60"', "messageCount: 60"),
    A("output for KEDA renamed", "SM201", f"{PROD}terraform-outputs.env", "keda_client_id=", "keda_client="),
    A(
        "table that is left at its placeholder",
        "SM220",
        f"{PROD}kustomization.yaml",
        "fieldPaths: [data.APP_IDEMPOTENCY_TABLE]",
        "fieldPaths: [data.APP_TABLE]\n        options: {create: true}",
    ),
    # The network.
    A("AMQP without TLS", "SM225", f"{BASE}network-policy-service-bus.yaml", "port: 5671", "port: 5672"),
    A("identity of the node reachable", "SM225", f"{BASE}network-policy-service-bus.yaml", "[169.254.0.0/16, ", "["),
    A("host of the node's agents reachable", "SM225", f"{BASE}network-policy-azure.yaml", ", 168.63.129.16/32]", "]"),
    A("misspelt field of Cilium", "SM203", f"{BASE}network-policy-dns.yaml", "toEntities:", "toEntity:"),
    # GitHub's way in.
    A(
        "deployment without its token",
        "SM404",
        DEPLOY,
        "      id-token: write # to sign in to the cloud without secrets\n",
        "",
    ),
    A(
        "password of the deployment",
        "SM404",
        DEPLOY,
        "client-id: ${{ vars.AZURE_DEPLOY_CLIENT_ID }}",
        "creds: ${{ secrets.AZURE }}",
    ),
    A(
        "subscription left to chance",
        "SM404",
        DEPLOY,
        "          subscription-id: ${{ vars.AZURE_SUBSCRIPTION_ID }}\n",
        "",
    ),
    A("deployment that nobody approves", "SM404", DEPLOY, "    environment:\n      name: ${{ inputs.gate }}\n", ""),
    A(
        "sign-in by tag",
        "SM403",
        DEPLOY,
        "azure/login@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca # v3.0.1",
        "azure/login@v3",
    ),
    A(
        "images pushed from every pull request",
        "SM303",
        f"{T}registry/build_identity.tf",
        ":environment:${each.value}",
        ":pull_request",
    ),
    A(
        "builds that change the registry",
        "SM303",
        f"{T}registry/build_identity.tf",
        '"AcrPush", "Reader"',
        '"AcrPush", "Contributor"',
    ),
    A("registry with a password", "SM303", f"{T}registry/registry.tf", "= false\n  anonymous", "= true\n  anonymous"),
)
