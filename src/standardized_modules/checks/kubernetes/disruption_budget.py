"""A disruption budget lets at least one pod go."""

from __future__ import annotations

import math
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

ID = "SM214"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A disruption budget blocks every eviction"
WHY = (
    "At the minimum of replicas the budget must still allow one eviction. Otherwise no node that runs the "
    "service can be drained, and the cluster upgrade hangs there until somebody deletes the budget."
)
SOURCE = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"
FIX = "use `maxUnavailable: 1`, and `unhealthyPodEvictionPolicy: AlwaysAllow` so that broken pods don't count"
_PDB = (
    "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: orders}}, spec: {{{}: 1, "
    "unhealthyPodEvictionPolicy: AlwaysAllow, selector: {{matchLabels: {{app: orders}}}}}}}}\n"
)
BAD = deployment(kinds=_PDB.format("minAvailable"))
GOOD = deployment(kinds=_PDB.format("maxUnavailable"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for budgets, and for workloads of several pods without one."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, _, labels in pods(overlay):
        replicas = _minimum(overlay, workload)
        budgets = [b for b in overlay.of("PodDisruptionBudget") if selects(spec_of(b).get("selector") or {}, labels)]
        if not budgets and replicas > 1 and workload["kind"] in ("Deployment", "StatefulSet"):
            yield workload, "has several pods and no disruption budget: a drain may take all at once"
        if len(budgets) > 1:
            yield workload, "has more than one disruption budget: then no eviction is allowed at all"
        for budget in budgets:
            allowed = _allowed(spec_of(budget), replicas)
            if allowed < 1:
                yield budget, f"allows {allowed} evictions of {replicas} replicas"
            if spec_of(budget).get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
                yield budget, "a pod that is not ready may block a drain: unhealthyPodEvictionPolicy is not AlwaysAllow"


def _minimum(overlay: Overlay, workload: Manifest) -> int:
    for scaler in overlay.of("HorizontalPodAutoscaler"):
        if spec_of(scaler).get("scaleTargetRef", {}).get("name") == name_of(workload):
            return int(spec_of(scaler).get("minReplicas", 1))
    for scaler in overlay.of("ScaledObject"):
        if spec_of(scaler).get("scaleTargetRef", {}).get("name") == name_of(workload):
            # With none there is nothing to evict; the first one must not be the one that can't be.
            return max(1, int(spec_of(scaler).get("minReplicaCount", 0)))
    return int(spec_of(workload).get("replicas", 1))


def _allowed(spec: dict[str, Any], replicas: int) -> int:
    if "minAvailable" in spec:
        return replicas - _count(spec["minAvailable"], replicas)
    return _count(spec.get("maxUnavailable", 1), replicas)


def _count(value: Any, replicas: int) -> int:
    """Kubernetes rounds percentages of both fields up."""
    return math.ceil(int(value[:-1]) * replicas / 100) if isinstance(value, str) else int(value)
