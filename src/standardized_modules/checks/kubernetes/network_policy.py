"""The namespace is closed, and what the service needs is open."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    CLIENT_ID,
    Problem,
    annotations_of,
    deployment,
    findings,
    pods,
    selects,
    settings,
    spec_of,
)
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM225"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "Network policies are missing or too wide"
WHY = (
    "Without a default-deny policy every pod of the cluster may talk to the service, and the service to the "
    "node's metadata, which hands out the node's role. With one but without DNS nothing works at all."
)
SOURCE = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
FIX = "deny by default in both directions, then admit single sources, ports and destinations"
_POLICIES = """\
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny},
 spec: {podSelector: {}, policyTypes: TYPES}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: allow-dns},
 spec: {podSelector: {}, policyTypes: [Egress],
  egress: [{ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]}]}}
"""
BAD = deployment(kinds=_POLICIES.replace("TYPES", "[Ingress]"))
GOOD = deployment(kinds=_POLICIES.replace("TYPES", "[Ingress, Egress]"))
METADATA = "169.254.169.254"
WIRE_SERVER = "168.63.129.16"
"""Of Azure: hands out what the agents of a node may see, certificates among it.
https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""
BROKERS = {"APP_QUEUE_NAMESPACE": 5671}
"""Ports that a setting leads to, beside HTTPS: Service Bus speaks AMQP over TLS."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for overlays that run pods."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    policies = list(overlay.of("NetworkPolicy"))
    on_azure = any(CLIENT_ID in annotations_of(account) for account in overlay.of("ServiceAccount"))
    for workload, pod, labels in pods(overlay):
        applied = [p for p in policies if selects(spec_of(p).get("podSelector") or {}, labels)]
        for direction in ("Ingress", "Egress"):
            if not any(_denies(policy, direction) for policy in policies):
                yield workload, f"no policy denies {direction} by default"
        if applied and not any(_admits_dns(policy) for policy in applied):
            yield workload, "no policy admits DNS (port 53, UDP and TCP)"
        for port in _ports(overlay, labels):
            if not any(_admits(policy, port) for policy in applied):
                yield workload, f"no policy admits the port {port!r} that a Service offers or Prometheus scrapes"
        given = settings(overlay, pod)
        for name, number in BROKERS.items():
            if name in given and not any(_reaches(policy, number) for policy in applied):
                yield workload, f"{name} names a broker, and no policy lets the pod reach port {number}"
    for policy in policies:
        if any(not rule for rule in spec_of(policy).get("ingress") or ()):
            yield policy, "admits everything from everywhere"
        for rule in spec_of(policy).get("egress") or ():
            for peer in rule.get("to") or ():
                block = peer.get("ipBlock") or {}
                excepted = tuple(block.get("except") or ())
                if block.get("cidr") != "0.0.0.0/0":
                    continue
                if not any(each.startswith("169.254.") for each in excepted):
                    yield policy, f"admits the instance metadata service ({METADATA}), which hands out the node's role"
                if on_azure and f"{WIRE_SERVER}/32" not in excepted:
                    yield policy, f"admits the host that the agents of a node talk to ({WIRE_SERVER})"


def _denies(policy: Manifest, direction: str) -> bool:
    spec = spec_of(policy)
    return not spec.get("podSelector") and direction in spec.get("policyTypes", ()) and not spec.get(direction.lower())


def _admits_dns(policy: Manifest) -> bool:
    ports = [p for rule in spec_of(policy).get("egress") or () for p in rule.get("ports") or ()]
    return {p.get("protocol") for p in ports if p.get("port") == 53} >= {"UDP", "TCP"}


def _reaches(policy: Manifest, number: int) -> bool:
    return any(
        not rule.get("ports") or number in [p.get("port") for p in rule["ports"]]
        for rule in spec_of(policy).get("egress") or ()
    )


def _ports(overlay: Overlay, labels: dict[str, str]) -> Iterator[str]:
    for service in overlay.of("Service"):
        if selects({"matchLabels": spec_of(service).get("selector") or {}}, labels):
            yield from (port.get("targetPort", port.get("port")) for port in spec_of(service).get("ports") or ())
    for monitor in overlay.of("PodMonitor"):
        if selects(spec_of(monitor).get("selector") or {}, labels):
            yield from (endpoint.get("port", "") for endpoint in spec_of(monitor).get("podMetricsEndpoints") or ())


def _admits(policy: Manifest, port: str) -> bool:
    return any(
        not rule.get("ports") or port in [p.get("port") for p in rule["ports"]]
        for rule in spec_of(policy).get("ingress") or ()
    )
