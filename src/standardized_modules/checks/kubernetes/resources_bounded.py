"""Containers ask for CPU and memory, and may use what they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, deployment, findings, pods
from standardized_modules.checks.tree import Overlay

ID = "SM212"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "Requests and limits do not fit"
WHY = (
    "A limit below the request is refused when the pod is created, long after `kubectl apply` succeeded. "
    "Without a memory limit one leak takes the node down; with a limit above the request the pod is killed "
    "first when the node is full."
)
SOURCE = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"
FIX = "set requests for cpu and memory, and a memory limit equal to the request"
BAD = deployment("resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 128Mi}}")
GOOD = deployment("resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}")
_UNITS = {"": 1.0, "m": 1e-3} | {
    unit: base**power
    for base, units in ((1000.0, ("k", "M", "G", "T")), (1024.0, ("Ki", "Mi", "Gi", "Ti")))
    for power, unit in enumerate(units, start=1)
}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every container."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        for container in containers(pod):
            resources = container.get("resources") or {}
            for message in _problems(resources.get("requests") or {}, resources.get("limits") or {}):
                yield workload, f"container {container.get('name')!r}: {message}"


def _problems(requests: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    for resource in ("cpu", "memory"):
        if resource not in requests:
            yield f"no {resource} request"
    if "memory" not in limits:
        yield "no memory limit"
    for resource in requests.keys() & limits.keys():
        if _amount(limits[resource]) < _amount(requests[resource]):
            yield f"{resource} limit {limits[resource]} is below the request {requests[resource]}"
    if {"memory"} <= requests.keys() & limits.keys() and _amount(limits["memory"]) > _amount(requests["memory"]):
        yield f"memory limit {limits['memory']} is above the request {requests['memory']}"


def _amount(quantity: Any) -> float:
    number = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(quantity))
    if number is None or number[2] not in _UNITS:
        return float("nan")  # SM204 reports it; a comparison with it is never true
    return float(number[1]) * _UNITS[number[2]]
