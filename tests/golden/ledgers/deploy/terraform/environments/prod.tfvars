# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
environment            = "prod"
subscription_id        = "00000000-0000-0000-0000-000000000000"
cluster_name           = "replace-me"
cluster_resource_group = "replace-me"

private_endpoint_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/replace-me/providers/Microsoft.Network/virtualNetworks/replace-me/subnets/replace-me"

log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/replace-me/providers/Microsoft.OperationalInsights/workspaces/replace-me"

alert_emails = ["replace-me@example.com"]

load_balancer_subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/replace-me/providers/Microsoft.Network/virtualNetworks/replace-me/subnets/replace-me"
load_balancer_address   = "192.0.2.10"
zone_resource_group     = "replace-me"
