"""Traffic from outside is encrypted, by a modern policy, behind the firewall."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, name_of, sample, selects, spec_of
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM226"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "The load balancer accepts weak or plain connections"
WHY = (
    "The controller's default policy is that of 2016 and still offers TLS 1.0. A plain listener that forwards "
    "instead of redirecting sends cookies and tokens in the clear; an internet-facing load balancer without a web "
    "ACL or with malformed headers let through is open to what the firewall is paid for."
)
SOURCE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
FIX = (
    "use ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 or 2023-06-S, redirect HTTP, attach the firewall, drop bad headers"
)
_LBC = (
    "{{apiVersion: gateway.k8s.aws/v1, kind: LoadBalancerConfiguration, metadata: {{name: orders}}, spec: {{"
    "scheme: internal, "
    "loadBalancerAttributes: [{{key: routing.http.drop_invalid_header_fields.enabled, value: 'true'}}], "
    "listenerConfigurations: [{{protocolPort: 'HTTPS:443', defaultCertificate: arn, sslPolicy: {}}}]}}}}\n"
)
BAD = sample(_LBC.format("ELBSecurityPolicy-2016-08"))
GOOD = sample(_LBC.format("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"))
MODERN = ("ELBSecurityPolicy-TLS13-1-2-Res-", "ELBSecurityPolicy-TLS13-1-3-", "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-")
STRICT = "2023-06-S"
"""Of Application Gateway for Containers; its default still offers CBC:
https://learn.microsoft.com/azure/application-gateway/for-containers/tls-policy"""
INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
DROP_INVALID = ("routing.http.drop_invalid_header_fields.enabled", "true")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for load balancers, listeners and plain routes."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for balancer in overlay.of("LoadBalancerConfiguration"):
        for message in _balancer(balancer):
            yield balancer, message
    for gateway in overlay.of("Gateway"):
        if spec_of(gateway).get("gatewayClassName") == "azure-alb-external":
            for message in _application_gateway(overlay, gateway):
                yield gateway, message
        if spec_of(gateway).get("gatewayClassName") == "approuting-istio":
            for message in _private_gateway(overlay, gateway):
                yield gateway, message
        plain = [item["name"] for item in spec_of(gateway).get("listeners") or () if item.get("protocol") == "HTTP"]
        for route in overlay.of("HTTPRoute"):
            if _forwards(route, name_of(gateway), plain):
                yield route, "forwards plain HTTP instead of redirecting it"


def _balancer(balancer: Manifest) -> Iterator[str]:
    spec = spec_of(balancer)
    listeners = [
        item for item in spec.get("listenerConfigurations") or () if item.get("protocolPort", "").startswith("HTTPS")
    ]
    if not listeners:
        yield "configures no HTTPS listener"
    for listener in listeners:
        if not str(listener.get("sslPolicy", "")).startswith(MODERN):
            yield f"{listener['protocolPort']}: sslPolicy {listener.get('sslPolicy')} is not a modern one"
        if not listener.get("defaultCertificate"):
            yield f"{listener['protocolPort']}: no certificate"
    if spec.get("scheme") == "internet-facing" and not (spec.get("wafV2") or {}).get("webACL"):
        yield "faces the internet without a web ACL"
    if DROP_INVALID not in [(a.get("key"), a.get("value")) for a in spec.get("loadBalancerAttributes") or ()]:
        yield "lets malformed headers through: routing.http.drop_invalid_header_fields.enabled is not true"


def _application_gateway(overlay: Overlay, gateway: Manifest) -> Iterator[str]:
    yield from _certificates(gateway)
    policies = [spec_of(policy).get("default", {}) for policy in _attached(overlay, gateway, "FrontendTLSPolicy")]
    if [policy.get("policyType", {}).get("name") for policy in policies] != [STRICT]:
        yield f"has no FrontendTLSPolicy with {STRICT}"
    if not any(_attached(overlay, gateway, "WebApplicationFirewallPolicy")):
        yield "faces the internet without a WebApplicationFirewallPolicy"


def _private_gateway(overlay: Overlay, gateway: Manifest) -> Iterator[str]:
    """Of AKS's application routing add-on, which has no firewall and is public unless told otherwise."""
    yield from _certificates(gateway)
    infrastructure = spec_of(gateway).get("infrastructure") or {}
    if (infrastructure.get("annotations") or {}).get(INTERNAL) != "true":
        yield f"faces the internet without a firewall: {INTERNAL} is not true"
    labels = infrastructure.get("labels") or gateway["metadata"].get("labels") or {}
    for service in overlay.of("Service"):
        if spec_of(service).get("selector") and selects({"matchLabels": spec_of(service)["selector"]}, labels):
            yield f"its pods get labels by which Service/{name_of(service)} takes them for its own"


def _certificates(gateway: Manifest) -> Iterator[str]:
    for listener in spec_of(gateway).get("listeners") or ():
        if listener.get("protocol") == "HTTPS" and not (listener.get("tls") or {}).get("certificateRefs"):
            yield f"{listener['name']}: no certificate"


def _attached(overlay: Overlay, gateway: Manifest, kind: str) -> Iterator[Manifest]:
    for policy in overlay.of(kind):
        target = spec_of(policy).get("targetRef") or {}
        if (target.get("kind"), target.get("name")) == ("Gateway", name_of(gateway)):
            yield policy


def _forwards(route: Manifest, gateway: str, plain: list[str]) -> bool:
    attached = any(
        parent.get("name") == gateway
        and (parent.get("sectionName") in plain or (plain and "sectionName" not in parent))
        for parent in spec_of(route).get("parentRefs") or ()
    )
    return bool(attached) and any(rule.get("backendRefs") for rule in spec_of(route).get("rules") or ())
