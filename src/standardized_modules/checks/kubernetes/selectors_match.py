"""Selectors match pods or services of the overlay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    Problem,
    deployment,
    findings,
    name_of,
    pods,
    selects,
    spec_of,
)
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM209"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A selector matches nothing"
WHY = (
    "A Service without endpoints, a disruption budget that protects nobody, a network policy that opens "
    "nothing: all are valid objects, and all do nothing."
)
SOURCE = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
FIX = "use labels that the pod template (or, for a ServiceMonitor, the Service) carries"
_SERVICE = (
    "{{apiVersion: v1, kind: Service, metadata: {{name: orders}}, "
    "spec: {{selector: {{app: {}}}, ports: [{{port: 80}}]}}}}\n"
)
BAD = deployment(kinds=_SERVICE.format("order"))
GOOD = deployment(kinds=_SERVICE.format("orders"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for everything that selects."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    labels = [*(pod_labels for _, _, pod_labels in pods(overlay)), *_gateways(overlay)]
    for manifest in overlay.of("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        selector = _selector(manifest)
        if selector and not any(selects(selector, pod_labels) for pod_labels in labels):
            yield manifest, f"selects {_text(selector)}, and no pod has these labels"
    services = [service["metadata"].get("labels") or {} for service in overlay.of("Service")]
    for monitor in overlay.of("ServiceMonitor"):
        if not any(selects(spec_of(monitor).get("selector") or {}, service) for service in services):
            yield monitor, f"selects {_text(spec_of(monitor).get('selector') or {})}, and no Service has these labels"
    for workload, pod, pod_labels in pods(overlay):
        own = spec_of(workload).get("selector")
        if own and not selects(own, pod_labels):
            yield workload, f"selector {_text(own)} does not match its own pods"
        for spread in pod.get("topologySpreadConstraints") or ():
            if not selects(spread.get("labelSelector") or {}, pod_labels):
                yield workload, f"spread over {spread.get('topologyKey')} does not count its own pods"


def _gateways(overlay: Overlay) -> Iterator[dict[str, str]]:
    """Labels of the pods that Istio makes from a Gateway, in its namespace.

    https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
    """
    for gateway in overlay.of("Gateway"):
        if spec_of(gateway).get("gatewayClassName") == "approuting-istio":
            own = (spec_of(gateway).get("infrastructure") or {}).get("labels") or {}
            yield {**own, "gateway.networking.k8s.io/gateway-name": name_of(gateway)}


def _selector(manifest: Manifest) -> Mapping[str, Any]:
    spec = spec_of(manifest)
    if manifest["kind"] == "Service":
        return {"matchLabels": spec["selector"]} if spec.get("selector") else {}
    return spec.get("podSelector" if manifest["kind"] == "NetworkPolicy" else "selector") or {}


def _text(selector: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()) or "by expressions"
