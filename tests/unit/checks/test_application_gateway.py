"""What is checked of Application Gateway for Containers beside the samples, which are of AWS."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree, discover
from standardized_modules.checks.kubernetes._manifests import deployment

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
