"""A pod has the time to end well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    Problem,
    containers,
    deployment,
    findings,
    pods,
    settings,
    spec_of,
)
from standardized_modules.checks.tree import Overlay

ID = "SM218"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A pod is killed with requests in flight"
WHY = (
    "terminationGracePeriodSeconds covers the preStop hook too. When preStop, drain delay and the longest "
    "request do not fit, the kernel kills what is left. The load balancer must also have noticed that the "
    "pod is leaving before the drain delay is over, or it sends requests to a closed port."
)
SOURCE = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination"
FIX = "raise terminationGracePeriodSeconds above preStop + drain delay + request timeout"
_SETTINGS = (
    "lifecycle: {preStop: {sleep: {seconds: 5}}}, env: [{name: APP_DRAIN_DELAY_SECONDS, value: '15'}, "
    "{name: APP_REQUEST_TIMEOUT_SECONDS, value: '15'}]"
)
BAD = deployment(_SETTINGS, pod="terminationGracePeriodSeconds: 30")
GOOD = deployment(_SETTINGS, pod="terminationGracePeriodSeconds: 40")
DEFAULT_GRACE = 30
"""terminationGracePeriodSeconds when it is not set."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for workloads that say how long they drain, and for health checks that are too slow."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        given = settings(overlay, pod)
        drain, request = _seconds(given, "APP_DRAIN_DELAY_SECONDS"), _seconds(given, "APP_REQUEST_TIMEOUT_SECONDS")
        if drain is None or request is None:
            continue
        request = max(request, _seconds(given, "APP_SHUTDOWN_GRACE_SECONDS") or 0)
        stop = max((_pre_stop(container) for container in containers(pod)), default=0)
        grace = pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
        if stop == 0:
            yield workload, "no preStop sleep: requests arrive while endpoints are still being removed"
        if grace <= stop + drain + request:
            yield workload, f"grace period {grace} s, but preStop {stop} + drain {drain:g} + request {request:g} s"
        yield from _health_checks(overlay, drain)


def _health_checks(overlay: Overlay, drain: float) -> Iterator[Problem]:
    for target in overlay.of("TargetGroupConfiguration"):
        health = spec_of(target).get("defaultConfiguration", {}).get("healthCheckConfig") or {}
        # ELB's own values where the manifest has none.
        noticed = health.get("healthCheckInterval", 30) * health.get("unhealthyThresholdCount", 2)
        if noticed > drain:
            yield target, f"the load balancer notices after {noticed} s, the pod stops accepting after {drain:g} s"


def _pre_stop(container: Mapping[str, Any]) -> int:
    hook = container.get("lifecycle", {}).get("preStop", {})
    return int(hook.get("sleep", {}).get("seconds", 0))


def _seconds(given: Mapping[str, str], name: str) -> float | None:
    try:
        return float(given[name])
    except (KeyError, ValueError):
        return None
