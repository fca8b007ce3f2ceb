"""A pod has the time to end well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    Problem,
    containers,
    deployment,
    duration,
    findings,
    pods,
    settings,
    spec_of,
)
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM218"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A pod is killed with work in flight"
WHY = (
    "terminationGracePeriodSeconds covers the preStop hook too. When preStop, drain delay and the longest "
    "request do not fit, the kernel kills what is left. The load balancer must also have noticed that the "
    "pod is leaving before the drain delay is over, or it sends requests to a closed port. A worker needs the "
    "time of its tasks, and some for giving back what is not done: else every deployment repeats tasks."
)
SOURCE = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination"
FIX = "raise terminationGracePeriodSeconds above preStop + drain delay + request timeout, or the shutdown time"
_SETTINGS = (
    "lifecycle: {preStop: {sleep: {seconds: 5}}}, env: [{name: APP_DRAIN_DELAY_SECONDS, value: '15'}, "
    "{name: APP_REQUEST_TIMEOUT_SECONDS, value: '15'}]"
)
BAD = deployment(_SETTINGS, pod="terminationGracePeriodSeconds: 30")
GOOD = deployment(_SETTINGS, pod="terminationGracePeriodSeconds: 40")
DEFAULT_GRACE = 30
"""terminationGracePeriodSeconds when it is not set."""
GIVE_BACK = 5
"""Seconds in which a worker returns to the queue what it could not finish."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for workloads that say how long they drain, and for health checks that are too slow."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        if workload["kind"] in ("Job", "CronJob"):
            continue  # nobody sends it requests, whatever settings it shares
        given = settings(overlay, pod)
        if not _serves(pod):
            yield from _worker(workload, pod, given)
            continue
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


def _serves(pod: Mapping[str, Any]) -> bool:
    """Whether requests come in: a worker that shares the settings has ports for probes and metrics alone."""
    ports = {port.get("name") for container in containers(pod) for port in container.get("ports") or ()}
    return not ports or bool(ports - {"health", "metrics"})


def _worker(workload: Manifest, pod: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Problem]:
    shutdown = _seconds(given, "APP_WORKER_SHUTDOWN_SECONDS")
    stop = max((_pre_stop(container) for container in containers(pod)), default=0)
    grace = pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    if shutdown is not None and grace < stop + shutdown + GIVE_BACK:
        yield workload, f"grace period {grace} s, but preStop {stop} + tasks {shutdown:g} + {GIVE_BACK} s to give back"


def _health_checks(overlay: Overlay, drain: float) -> Iterator[Problem]:
    for target in overlay.of("TargetGroupConfiguration"):
        health = spec_of(target).get("defaultConfiguration", {}).get("healthCheckConfig") or {}
        # ELB's own values where the manifest has none.
        noticed = health.get("healthCheckInterval", 30) * health.get("unhealthyThresholdCount", 2)
        if noticed > drain:
            yield target, f"the load balancer notices after {noticed} s, the pod stops accepting after {drain:g} s"

    for policy in overlay.of("HealthCheckPolicy"):
        health = spec_of(policy).get("default") or {}
        noticed = (duration(health.get("interval")) or 5) * health.get("unhealthyThreshold", 3)  # its own values
        if noticed > drain:
            yield policy, f"the load balancer notices after {noticed:g} s, the pod stops accepting after {drain:g} s"


def _pre_stop(container: Mapping[str, Any]) -> int:
    hook = container.get("lifecycle", {}).get("preStop", {})
    return int(hook.get("sleep", {}).get("seconds", 0))


def _seconds(given: Mapping[str, str], name: str) -> float | None:
    try:
        return float(given[name])
    except (KeyError, ValueError):
        return None
