"""Minimum of replicas, zones and disruption budget leave somebody to answer."""

from __future__ import annotations

from collections.abc import Iterator
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

ID = "SM512"
SEVERITY = "error"
TITLE = "The minimum of replicas does not survive a drain or a zone"
WHY = (
    "The autoscaler goes down to its minimum every night. One pod in production is an outage at each node upgrade; "
    "a budget that lets as many go as there are makes one of several; a spread that must not be violated over more "
    "zones than there are pods leaves pods pending."
)
SOURCE = "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/"
FIX = "in production at least 2 replicas, and a budget below the minimum: maxUnavailable 1"
READS = ("deploy/kubernetes/*",)
_KINDS = (
    "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: orders}, spec: {minReplicas: MIN, "
    "maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: orders}}}\n"
)
BAD = deployment(kinds=_KINDS.replace("MIN", "1"))
GOOD = deployment(kinds=_KINDS.replace("MIN", "3"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every workload that an autoscaler or its own number of replicas governs."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, labels in pods(overlay):
        if workload["kind"] not in ("Deployment", "StatefulSet"):
            continue
        owner, least = _minimum(overlay, workload)
        serves = any(selects({"matchLabels": spec_of(s).get("selector") or {}}, labels) for s in overlay.of("Service"))
        if overlay.name == "prod" and least == 1 and (serves or owner is not workload):
            yield owner, "a single replica in production: each node that is drained is an outage"
        for budget in overlay.of("PodDisruptionBudget"):
            if selects(spec_of(budget).get("selector") or {}, labels) and least > 1:
                gone = _count(spec_of(budget).get("maxUnavailable"), least)
                if gone is not None and gone >= least:
                    yield budget, f"lets {gone} of {least} replicas go at once"
        for spread in pod.get("topologySpreadConstraints") or ():
            if spread.get("whenUnsatisfiable") == "DoNotSchedule" and spread.get("minDomains", 1) > max(least, 1):
                yield workload, f"must spread over {spread['minDomains']} domains with {least} replicas"


def _minimum(overlay: Overlay, workload: Manifest) -> tuple[Manifest, int]:
    for scaler in overlay.of("HorizontalPodAutoscaler"):
        if spec_of(scaler).get("scaleTargetRef", {}).get("name") == name_of(workload):
            return scaler, int(spec_of(scaler).get("minReplicas", 1))
    for scaler in overlay.of("ScaledObject"):
        if spec_of(scaler).get("scaleTargetRef", {}).get("name") == name_of(workload):
            return workload, max(2, int(spec_of(scaler).get("minReplicaCount", 0)))  # a queue waits for its consumer
    return workload, int(spec_of(workload).get("replicas", 1))


def _count(value: Any, of: int) -> int | None:
    if isinstance(value, str) and value.endswith("%"):
        return -(-int(value[:-1]) * of // 100)  # rounded up, as the controller does
    return value if isinstance(value, int) else None
