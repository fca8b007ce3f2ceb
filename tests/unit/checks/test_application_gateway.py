"""What is checked of Application Gateway for Containers beside the samples, which are of AWS."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree, discover
from standardized_modules.checks.kubernetes._manifests import deployment, duration

CHECKS = {check.ID: check for check in discover()}
GATEWAY = """\
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: orders}, spec: {
 gatewayClassName: azure-alb-external,
 listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: orders-tls}]}}]}}
---
{apiVersion: alb.networking.azure.io/v1, kind: FrontendTLSPolicy, metadata: {name: orders}, spec: {
 targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: orders},
 default: {policyType: {type: predefined, name: 2023-06-S}}}}
---
{apiVersion: alb.networking.azure.io/v1, kind: WebApplicationFirewallPolicy, metadata: {name: firewall}, spec: {
 targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: orders}, webApplicationFirewall: {id: /x}}}
"""
POLICIES = """\
---
{apiVersion: v1, kind: Service, metadata: {name: orders}, spec: {ports: [{port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: orders}, spec: {}}
---
{apiVersion: alb.networking.azure.io/v1, kind: HealthCheckPolicy, metadata: {name: orders}, spec: {
 targetRef: {group: "", kind: Service, name: orders}, default: {interval: 5s, unhealthyThreshold: 3,
 http: {path: /readyz, match: {statusCodes: [{start: 200, end: 200}]}}}}}
---
{apiVersion: alb.networking.azure.io/v1, kind: RoutePolicy, metadata: {name: orders}, spec: {
 targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: orders},
 default: {timeouts: {routeTimeout: 20s}}}}
---
{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: orders}, spec: {secretName: orders-tls}}
"""
SERVING = (
    "ports: [{name: http, containerPort: 8080}], lifecycle: {preStop: {sleep: {seconds: 5}}}, "
    "startupProbe: {httpGet: {path: /startupz}}, readinessProbe: {httpGet: {path: /readyz}}, "
    "livenessProbe: {httpGet: {path: /livez}}, env: [{name: APP_DRAIN_DELAY_SECONDS, value: '15'}, "
    "{name: APP_REQUEST_TIMEOUT_SECONDS, value: '9'}]"
)
KEEP_ALIVE = "env: [{name: APP_KEEP_ALIVE_SECONDS, value: '330'}, {name: APP_REQUEST_TIMEOUT_SECONDS, value: '15'}]"
FIREWALL = "name: orders}, webApplicationFirewall"


@pytest.mark.parametrize("check_id", ["SM203", "SM206", "SM219", "SM226"])
def test_a_gateway_as_it_should_be(check_id: str) -> None:
    assert list(CHECKS[check_id].check(Tree(deployment(KEEP_ALIVE, kinds=GATEWAY)))) == []


@pytest.mark.parametrize(
    ("check_id", "old", "new", "words"),
    [
        ("SM203", "policyType", "policy", "'policy' was unexpected"),
        ("SM203", "2023-06-S", "2016-08", "'2016-08' is not one of"),
        ("SM206", FIREWALL, FIREWALL.replace("orders", "order"), "there is no Gateway/order"),
        ("SM219", "'330'", "'75'", "keep-alive 75 s"),
        ("SM219", "'15'", "'300'", "may take 300 s"),
        ("SM226", "2023-06-S", "2023-06", "no FrontendTLSPolicy with 2023-06-S"),
        ("SM226", ", tls: {certificateRefs: [{name: orders-tls}]}", "", "https: no certificate"),
        ("SM226", FIREWALL, FIREWALL.replace("orders", "order"), "without a WebApplicationFirewallPolicy"),
    ],
)
def test_what_is_wrong_with_it(check_id: str, old: str, new: str, words: str) -> None:
    good = deployment(KEEP_ALIVE, kinds=GATEWAY)
    bad = {path: text.replace(old, new) for path, text in good.items()}
    assert bad != good
    found = [finding.message for finding in CHECKS[check_id].check(Tree(bad))]
    assert found, check_id
    assert any(words in message for message in found), found


@pytest.mark.parametrize("check_id", ["SM206", "SM208", "SM211", "SM218", "SM219"])
def test_policies_as_they_should_be(check_id: str) -> None:
    assert list(CHECKS[check_id].check(Tree(deployment(SERVING, kinds=GATEWAY + POLICIES)))) == []


@pytest.mark.parametrize(
    ("check_id", "old", "new", "words"),
    [
        ("SM206", "azure-alb-external", "istio", "is not of the class azure-alb-external"),
        ("SM208", "secretName: orders-tls", "secretName: orders", "https: nothing makes the Secret orders-tls"),
        ("SM211", "{path: /readyz, match", "{path: /livez, match", "asks /livez, readiness is /readyz"),
        ("SM211", "end: 200", "end: 503", "takes 503 for the answer of a healthy pod"),
        ("SM218", "interval: 5s", "interval: 1m5s", "notices after 195 s"),
        ("SM218", "interval: 5s, unhealthyThreshold: 3", "unhealthyThreshold: 4", "notices after 20 s"),
        ("SM219", "routeTimeout: 20s", "routeTimeout: 500ms", "may take 9 s, the load balancer gives up after 0.5 s"),
    ],
)
def test_what_is_wrong_with_a_policy(check_id: str, old: str, new: str, words: str) -> None:
    good = deployment(SERVING, kinds=GATEWAY + POLICIES)
    bad = {path: text.replace(old, new) for path, text in good.items()}
    assert bad != good
    found = [finding.message for finding in CHECKS[check_id].check(Tree(bad))]
    assert any(words in message for message in found), found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("1m30s", 90.0), ("500ms", 0.5), ("2h", 7200.0), ("5", None), ("", None), (5, None)],
)
def test_durations(text: object, seconds: float | None) -> None:
    assert duration(text) == seconds
