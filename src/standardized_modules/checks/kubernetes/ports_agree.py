"""Container, Service, probe, monitor, network policy and settings mean the same ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    Problem,
    containers,
    deployment,
    findings,
    name_of,
    pods,
    selects,
    settings,
    spec_of,
)
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM210"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "Ports do not agree"
WHY = (
    "The port stands in five places that no schema connects. One that differs means connection refused, "
    "a pod that is never ready, or metrics that nobody collects."
)
SOURCE = "https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports"
FIX = "use the name of the container's port everywhere; APP_PORT and APP_METRICS_PORT are its numbers"
_PORTS = "ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {path: /readyz, port: PORT}}"
BAD = deployment(_PORTS.replace("PORT", "web"))
GOOD = deployment(_PORTS.replace("PORT", "http"))
SETTINGS = {"http": "APP_PORT", "metrics": "APP_METRICS_PORT", "health": "APP_HEALTH_PORT"}
"""Name of a container port → the setting on which the process listens there."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for everything that names a port."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    elsewhere = {name for _, pod, _ in pods(overlay) for name in _ports(pod)}
    for workload, pod, labels in pods(overlay):
        ports = _ports(pod)
        for message in (*_probes(pod), *_settings(overlay, pod, ports, elsewhere)):
            yield workload, message
        for service in overlay.of("Service"):
            if selects({"matchLabels": spec_of(service).get("selector") or {}}, labels):
                for port in spec_of(service).get("ports") or ():
                    if port.get("targetPort", port.get("port")) not in (*ports, *ports.values()):
                        yield service, f"targetPort {port.get('targetPort', port.get('port'))!r}: no container has it"
    for policy in overlay.of("NetworkPolicy"):
        for message in _policy(overlay, policy):
            yield policy, message
    yield from _monitors(overlay)


def _ports(pod: Mapping[str, Any]) -> dict[str, Any]:
    return {p.get("name", ""): p.get("containerPort") for c in containers(pod) for p in c.get("ports") or ()}


def _probes(pod: Mapping[str, Any]) -> Iterator[str]:
    for container in containers(pod):
        own = {p.get("name"): p.get("containerPort") for p in container.get("ports") or ()}
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            handler = container.get(name, {}).get("httpGet") or container.get(name, {}).get("tcpSocket") or {}
            if "port" in handler and handler["port"] not in (*own, *own.values()):
                yield f"{name}: container {container.get('name')!r} has no port {handler['port']!r}"


def _settings(overlay: Overlay, pod: Mapping[str, Any], ports: Mapping[str, Any], elsewhere: set[str]) -> Iterator[str]:
    """Workloads that share their settings listen each on the ports of its own process."""
    given = settings(overlay, pod)
    for port, setting in SETTINGS.items():
        if port not in ports and port in elsewhere:
            continue
        if setting in given and given[setting] != str(ports.get(port)):
            yield f"{setting} is {given[setting]}, the container's port {port!r} is {ports.get(port)}"


def _policy(overlay: Overlay, policy: Manifest) -> Iterator[str]:
    """One policy may be for several workloads, and jobs among them have no ports."""
    selector = spec_of(policy).get("podSelector") or {}
    selected = [_ports(pod) for _, pod, labels in pods(overlay) if selects(selector, labels)]
    ports = {name: port for each in selected for name, port in each.items()}
    if not selected:
        return
    for rule in spec_of(policy).get("ingress") or ():
        for port in rule.get("ports") or ():
            if "port" in port and port["port"] not in (*ports, *ports.values()):
                yield f"admits port {port['port']!r}, which no container has"


def _monitors(overlay: Overlay) -> Iterator[Problem]:
    for monitor in overlay.of("ServiceMonitor"):
        services = [s for s in overlay.of("Service") if selects(spec_of(monitor).get("selector") or {}, _labels(s))]
        names = {port.get("name") for service in services for port in spec_of(service).get("ports") or ()}
        for endpoint in spec_of(monitor).get("endpoints") or ():
            if endpoint.get("port") not in names:
                yield monitor, f"endpoint port {endpoint.get('port')!r}: no selected Service has it"
    for monitor in overlay.of("PodMonitor"):
        selector = spec_of(monitor).get("selector") or {}
        for workload, pod, labels in pods(overlay):
            for endpoint in (spec_of(monitor).get("podMetricsEndpoints") or ()) if selects(selector, labels) else ():
                if endpoint.get("port") not in _ports(pod):
                    yield monitor, f"endpoint port {endpoint.get('port')!r}: {name_of(workload)} has none of this name"


def _labels(manifest: Manifest) -> dict[str, str]:
    return manifest["metadata"].get("labels") or {}
