"""Faults around Application Gateway for Containers: its policies, its firewall, its certificate."""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import BASE, PROD, Mutation
from tests.generated.mutations._mutation import TERRAFORM as T

Z = partial(Mutation, service="both on azure")
GATEWAY = f"{BASE}gateway.yaml"
BALANCER = f"{PROD}load-balancer.yaml"
FIREWALL = f"{BASE}web-application-firewall-policy.yaml"
MUTATIONS = (
    Z("health check asks liveness", "SM211", BALANCER, "path: /readyz", "path: /livez"),
    Z("health check takes failures", "SM211", BALANCER, "end: 200", "end: 599"),
    Z(
        "health check of another service",
        "SM206",
        BALANCER,
        "kind: Service\n    name: orders",
        "kind: Service\n    name: order",
    ),
    Z("health check slower than the drain", "SM218", BALANCER, "interval: 5s", "interval: 30s"),
    Z("misspelt field of the health check", "SM203", BALANCER, "unhealthyThreshold:", "unHealthyThreshold:"),
    Z("interval without a unit", "SM203", BALANCER, "interval: 5s", "interval: 5"),
    Z("load balancer less patient than the service", "SM219", BALANCER, "routeTimeout: 20s", "routeTimeout: 10s"),
    Z(
        "patience of another route",
        "SM206",
        BALANCER,
        "kind: HTTPRoute\n    name: orders",
        "kind: HTTPRoute\n    name: order",
    ),
    Z("firewall of another gateway", "SM226", FIREWALL, "    name: orders\n  web", "    name: order\n  web"),
    Z(
        "firewall that is left at its placeholder",
        "SM220",
        f"{PROD}kustomization.yaml",
        "fieldPaths: [spec.webApplicationFirewall.id]",
        "fieldPaths: [metadata.annotations.firewall]\n        options: {create: true}",
    ),
    Z("firewall that only watches", "SM303", f"{T}waf.tf", '"Prevention"', '"Detection"'),
    Z(
        "firewall turned off",
        "SM303",
        f"{T}waf.tf",
        "settings {\n    enabled            = true",
        "settings {\n    enabled            = false",
    ),
    Z(
        "log of the firewall missing",
        "SM303",
        f"{T}waf.tf",
        "TrafficControllerFirewallLog",
        "TrafficControllerAccessLog",
    ),
    Z("TLS policy with CBC", "SM226", GATEWAY, "2023-06-S", "2023-06"),
    Z("class that heeds no policy", "SM206", GATEWAY, "azure-alb-external", "istio"),
    Z(
        "certificate under another name",
        "SM208",
        f"{BASE}certificate.yaml",
        "secretName: orders-tls",
        "secretName: order-tls",
    ),
    Z(
        "certificate of no host",
        "SM220",
        f"{PROD}kustomization.yaml",
        "[spec.dnsNames.0]",
        "[metadata.annotations.host]\n        options: {create: true}",
    ),
    Z("misspelt field of the certificate", "SM203", f"{BASE}certificate.yaml", "rotationPolicy:", "rotationPolicies:"),
    Z(
        "frontend that the gateway does not have",
        "SM201",
        f"{PROD}kustomization.yaml",
        "azure.io/alb-frontend]",
        "azure.io/frontend]",
    ),
    Z(
        "controller that owns the load balancer",
        "SM314",
        f"{T}load_balancer.tf",
        '"AppGw for Containers Configuration Manager"',
        '"Contributor"',
    ),
    Z(
        "controller of the whole group",
        "SM303",
        f"{T}waf.tf",
        "scope                = azurerm_web_application_firewall_policy.service.id",
        "scope                = data.azurerm_resource_group.service.id",
    ),
    Z("operator that does not exist", "SM302", f"{T}load_balancer_alerts.tf", '"LessThan"', '"LessThen"'),
    Z(
        "pods of the API without their identity's label",
        "SM520",
        f"{BASE}deployment.yaml",
        '        azure.workload.identity/use: "true"\n',
        "",
    ),
)
