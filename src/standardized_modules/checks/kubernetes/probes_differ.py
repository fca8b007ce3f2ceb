"""Every server has its three probes, on paths that it serves."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, deployment, findings, pods, spec_of
from standardized_modules.checks.tree import Overlay

ID = "SM211"
SEVERITY = "error"
READS = ("deploy/kubernetes/*", "src/*.py")
TITLE = "A probe is missing or asks the wrong question"
WHY = (
    "Without readiness, traffic reaches a pod before it can answer. With liveness on the readiness path, a "
    "slow dependency restarts every pod at once. A path that the code does not serve never turns green."
)
SOURCE = "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/"
FIX = "give startup, readiness and liveness probes a path each, one that the code serves"
_PROBES = (
    "ports: [{name: http, containerPort: 8080}], startupProbe: {httpGet: {path: /startupz, port: http}}, "
    "readinessProbe: {httpGet: {path: /readyz, port: http}}, livenessProbe: {httpGet: {path: LIVE, port: http}}"
)
BAD = deployment(_PROBES.replace("LIVE", "/readyz"))
GOOD = deployment(_PROBES.replace("LIVE", "/livez"))
FAILURES = 400
"""Statuses from here on say that something is wrong; readiness says no with 503."""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every container that listens, and for the load balancer's health check."""
    source = "\n".join(tree[path] for path in tree.glob("src/*.py"))
    return findings(tree, ID, FIX, lambda overlay: _inspect(overlay, source))


def _inspect(overlay: Overlay, source: str) -> Iterator[Problem]:
    ready = set()
    for workload, pod, _ in pods(overlay):
        for container in containers(pod):
            if not container.get("ports"):
                continue
            paths = {name: container.get(name, {}).get("httpGet", {}).get("path") for name in PROBES}
            ready.add(paths["readinessProbe"])
            for name, path in paths.items():
                if name not in container:
                    yield workload, f"container {container.get('name')!r} has no {name}"
                elif path and source and f'"{path}"' not in source:
                    yield workload, f"{name}: no file below src/ mentions {path}"
            if paths["livenessProbe"] and paths["livenessProbe"] == paths["readinessProbe"]:
                yield workload, f"liveness and readiness both ask {paths['livenessProbe']}"
    for policy in overlay.of("HealthCheckPolicy"):
        http = (spec_of(policy).get("default") or {}).get("http") or {}
        if http.get("path") not in ready:
            yield (
                policy,
                f"the load balancer asks {http.get('path')}, readiness is {', '.join(sorted(map(str, ready)))}",
            )
        for accepted in (http.get("match") or {}).get("statusCodes") or ():
            if accepted.get("end", accepted.get("start", 0)) >= FAILURES:
                yield policy, f"takes {accepted['end']} for the answer of a healthy pod"
    for target in overlay.of("TargetGroupConfiguration"):
        path = spec_of(target).get("defaultConfiguration", {}).get("healthCheckConfig", {}).get("healthCheckPath")
        if path not in ready:
            yield target, f"the load balancer asks {path}, readiness is {', '.join(sorted(map(str, ready)))}"
