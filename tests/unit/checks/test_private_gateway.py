"""What is checked of a Gateway of AKS's application routing add-on beside the samples, which are of AWS."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree, discover
from standardized_modules.checks.kubernetes._manifests import deployment

CHECKS = {check.ID: check for check in discover()}
GATEWAY = """\
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: orders, labels: {app: orders}}, spec: {
 gatewayClassName: approuting-istio,
 infrastructure: {labels: {app: gateway},
  annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: 'true'},
  parametersRef: {group: '', kind: ConfigMap, name: orders-gateway}},
 listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: orders-tls}]}}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: orders-gateway}}
---
{apiVersion: v1, kind: Service, metadata: {name: orders}, spec: {selector: {app: orders}, ports: [{port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: orders},
 spec: {parentRefs: [{name: orders, sectionName: https}],
  rules: [{timeouts: {request: 20s}, backendRefs: [{name: orders, port: 80}]}]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: orders, labels: {pod-security.kubernetes.io/enforce: baseline}}}
"""
POD = (
    "automountServiceAccountToken: false, securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"
)
CONTAINER = (
    "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}, "
    "env: [{name: APP_KEEP_ALIVE_SECONDS, value: '3900'}, {name: APP_REQUEST_TIMEOUT_SECONDS, value: '15'}]"
)


@pytest.mark.parametrize("check_id", ["SM203", "SM205", "SM217", "SM219", "SM226"])
def test_a_gateway_as_it_should_be(check_id: str) -> None:
    assert list(CHECKS[check_id].check(Tree(deployment(CONTAINER, POD, kinds=GATEWAY)))) == []


@pytest.mark.parametrize(
    ("check_id", "old", "new", "words"),
    [
        ("SM203", "timeouts: {request", "timeouts: {requests", "'requests' was unexpected"),
        (
            "SM205",
            "kind: ConfigMap, name: orders-gateway}}",
            "kind: ConfigMap, name: gateway}}",
            "there is no ConfigMap",
        ),
        ("SM217", "enforce: baseline", "enforce: privileged", "is not restricted"),
        ("SM217", "approuting-istio", "istio", "is not restricted"),
        ("SM219", "'3900'", "'330'", "keep-alive 330 s"),
        ("SM226", "internal: 'true'", "internal: 'false'", "faces the internet without a firewall"),
        ("SM226", "labels: {app: gateway},", "", "takes them for its own"),
        ("SM226", ", tls: {certificateRefs: [{name: orders-tls}]}", "", "https: no certificate"),
    ],
)
def test_what_is_wrong_with_it(check_id: str, old: str, new: str, words: str) -> None:
    good = deployment(CONTAINER, POD, kinds=GATEWAY)
    bad = {path: text.replace(old, new) for path, text in good.items()}
    assert bad != good
    found = [finding.message for finding in CHECKS[check_id].check(Tree(bad))]
    assert any(words in message for message in found), found
