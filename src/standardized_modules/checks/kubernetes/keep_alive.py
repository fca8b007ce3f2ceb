"""The application keeps idle connections longer than the load balancer."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    Problem,
    deployment,
    duration,
    findings,
    pods,
    settings,
    spec_of,
)
from standardized_modules.checks.tree import Overlay

ID = "SM219"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "The application closes connections before the load balancer"
WHY = (
    "The side that closes first races with the other side's next request. When it is the application, the "
    "load balancer answers that request with 502: a few each minute, under low load, and never reproducible."
)
SOURCE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
FIX = "make APP_KEEP_ALIVE_SECONDS larger than idle_timeout.timeout_seconds, and that than the request timeout"
_LBC = (
    "{{apiVersion: gateway.k8s.aws/v1, kind: LoadBalancerConfiguration, metadata: {{name: orders}}, "
    "spec: {{loadBalancerAttributes: [{{key: idle_timeout.timeout_seconds, value: '{}'}}]}}}}\n"
)
_CONTAINER = "env: [{name: APP_KEEP_ALIVE_SECONDS, value: '75'}]"
BAD = deployment(_CONTAINER, kinds=_LBC.format(90))
GOOD = deployment(_CONTAINER, kinds=_LBC.format(60))
DEFAULT_IDLE_TIMEOUT = 60
"""Of an Application Load Balancer."""
GATEWAY_IDLE_TIMEOUT = 300
"""Of Application Gateway for Containers, where it can't be set:
https://learn.microsoft.com/azure/application-gateway/for-containers/application-gateway-for-containers-components"""
ENVOY_IDLE_TIMEOUT = 3600
"""For which Envoy keeps an idle connection to a pod, behind the Gateway API of AKS's application routing add-on:
https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts#connection-timeouts"""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every pair of a load balancer and a workload."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for idle in _idle_timeouts(overlay):
        for workload, pod, _ in pods(overlay):
            given = settings(overlay, pod)
            keep_alive, request = given.get("APP_KEEP_ALIVE_SECONDS"), given.get("APP_REQUEST_TIMEOUT_SECONDS")
            if keep_alive and float(keep_alive) <= idle:
                yield workload, f"keep-alive {keep_alive} s, the load balancer's idle timeout {idle:g} s"
            if request and float(request) >= idle:
                yield workload, f"a request may take {request} s, the load balancer hangs up after {idle:g} s"

    for policy in overlay.of("RoutePolicy"):
        limit = duration(((spec_of(policy).get("default") or {}).get("timeouts") or {}).get("routeTimeout"))
        requests = [settings(overlay, pod).get("APP_REQUEST_TIMEOUT_SECONDS") for _, pod, _ in pods(overlay)]
        longest = max((float(request) for request in requests if request), default=0.0)
        if limit and longest >= limit:
            yield policy, f"a request may take {longest:g} s, the load balancer gives up after {limit:g} s"


def _idle_timeouts(overlay: Overlay) -> Iterator[float]:
    for balancer in overlay.of("LoadBalancerConfiguration"):
        attributes = {a["key"]: a["value"] for a in spec_of(balancer).get("loadBalancerAttributes") or ()}
        yield float(attributes.get("idle_timeout.timeout_seconds", DEFAULT_IDLE_TIMEOUT))
    for gateway in overlay.of("Gateway"):
        if spec_of(gateway).get("gatewayClassName") == "azure-alb-external":
            yield GATEWAY_IDLE_TIMEOUT
        elif spec_of(gateway).get("gatewayClassName") == "approuting-istio":
            yield ENVOY_IDLE_TIMEOUT
