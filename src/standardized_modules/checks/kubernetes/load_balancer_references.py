"""The objects of the load balancer's controller are attached to something."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, name_of, sample, spec_of
from standardized_modules.checks.tree import Overlay

ID = "SM206"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A load balancer setting applies to nothing"
WHY = (
    "A TargetGroupConfiguration for a Service that does not exist, or a LoadBalancerConfiguration that "
    "no Gateway names, is accepted and ignored: no firewall, no health check, targets of the wrong type. So is a "
    "policy of Application Gateway for Containers whose targetRef leads nowhere."
)
SOURCE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/customization/"
FIX = "name the Service in targetReference, the configuration in the Gateway's parametersRef, the target in targetRef"
_TARGET = """\
{apiVersion: v1, kind: Service, metadata: {name: orders}, spec: {ports: [{port: 80}]}}
---
{apiVersion: gateway.k8s.aws/v1, kind: TargetGroupConfiguration, metadata: {name: orders},
 spec: {targetReference: {name: SERVICE}}}
"""
BAD = sample(_TARGET.replace("SERVICE", "order"))
GOOD = sample(_TARGET.replace("SERVICE", "orders"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for both kinds of configuration."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    defaults = {spec_of(c).get("defaultTargetGroupConfiguration", {}).get("name") for c in overlay.of(_LBC)}
    for target in overlay.of("TargetGroupConfiguration"):
        reference = spec_of(target).get("targetReference")
        if reference is None and name_of(target) not in defaults:
            yield target, "has no targetReference and is nobody's default"
        elif reference and not overlay.find(reference.get("kind", "Service"), reference.get("name", "")):
            yield target, f"targetReference: there is no {reference.get('kind', 'Service')}/{reference.get('name')}"
    extensions = [
        (reference.get("kind"), reference.get("name"))
        for route in overlay.of("HTTPRoute")
        for rule in spec_of(route).get("rules") or ()
        for reference in (item.get("extensionRef") or {} for item in rule.get("filters") or ())
    ]
    for configuration in overlay.of("ListenerRuleConfiguration"):
        if (configuration["kind"], name_of(configuration)) not in extensions:
            yield configuration, "no HTTPRoute names it in an extensionRef"
    used = [spec_of(g).get("infrastructure", {}).get("parametersRef", {}).get("name") for g in overlay.of("Gateway")]
    for configuration in overlay.of(_LBC):
        if name_of(configuration) not in used:
            yield configuration, "no Gateway names it in infrastructure.parametersRef"
        yield from _listeners(overlay, configuration)
    for kind in _POLICIES:
        for policy in overlay.of(kind):
            target = spec_of(policy).get("targetRef") or {}
            if not overlay.find(target.get("kind", ""), target.get("name", "")):
                yield policy, f"targetRef: there is no {target.get('kind')}/{target.get('name')}"
    if any(overlay.of(*_POLICIES)):
        for gateway in overlay.of("Gateway"):
            if spec_of(gateway).get("gatewayClassName") != _CLASS:
                yield gateway, f"is not of the class {_CLASS}, and no other heeds {', '.join(_POLICIES)}"


def _listeners(overlay: Overlay, configuration: dict[str, object]) -> Iterator[Problem]:
    existing = {
        f"{listener.get('protocol')}:{listener.get('port')}"
        for gateway in overlay.of("Gateway")
        for listener in spec_of(gateway).get("listeners") or ()
    }
    for listener in spec_of(configuration).get("listenerConfigurations") or ():
        if listener.get("protocolPort") not in existing:
            yield configuration, f"listenerConfigurations: no Gateway listens on {listener.get('protocolPort')}"


_CLASS = "azure-alb-external"
"""https://learn.microsoft.com/azure/application-gateway/for-containers/quickstart-deploy-application-gateway-for-containers-alb-controller"""
_LBC = "LoadBalancerConfiguration"
_POLICIES = ("FrontendTLSPolicy", "HealthCheckPolicy", "RoutePolicy", "WebApplicationFirewallPolicy")
