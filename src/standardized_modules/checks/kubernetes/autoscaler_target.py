"""Autoscalers scale something, by a signal that exists, and alone."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, deployment, findings, name_of, spec_of
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM207"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "An autoscaler has no effect or a rival"
WHY = (
    "An autoscaler that names a missing object or container, or measures CPU in percent of a request "
    "that is not set, does nothing and says so in an event only. `replicas` in the manifest, or a second "
    "autoscaler, fights it: each deployment resets a service that has scaled out. KEDA's ScaledObject makes "
    "an autoscaler of its own, and without the identity that it names it can't read the queue."
)
SOURCE = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/"
FIX = "point scaleTargetRef at the workload, set its CPU request, and leave `replicas` out"
_HPA = (
    "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: orders}, spec: {"
    "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: orders}, minReplicas: 2, maxReplicas: 4, "
    "metrics: [{type: ContainerResource, containerResource: {name: cpu, container: api, "
    "target: {type: Utilization, averageUtilization: 60}}}]}}\n"
)
BAD = deployment("resources: {requests: {cpu: 100m}}", spec="replicas: 2", kinds=_HPA)
GOOD = deployment("resources: {requests: {cpu: 100m}}", kinds=_HPA)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for HorizontalPodAutoscalers and ScaledObjects."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    targets: list[tuple[str, str]] = []
    for scaler in overlay.of("HorizontalPodAutoscaler", "ScaledObject"):
        reference = spec_of(scaler).get("scaleTargetRef") or {}
        target = (reference.get("kind", "Deployment"), reference.get("name", ""))
        workload = overlay.find(*target)
        if target in targets:
            yield scaler, f"{'/'.join(target)} has another autoscaler already"
        targets.append(target)
        if workload is None:
            yield scaler, f"scaleTargetRef: there is no {'/'.join(target)}"
            continue
        if "replicas" in spec_of(workload):
            yield workload, "sets replicas, which belong to its autoscaler"
        for message in (*_bounds(scaler), *_metrics(scaler, workload), *_keda(overlay, scaler)):
            yield scaler, message


def _bounds(scaler: Manifest) -> Iterator[str]:
    spec = spec_of(scaler)
    if scaler["kind"] == "ScaledObject":
        low, high = spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", 100)  # KEDA's defaults
        reserve = (spec.get("fallback") or {}).get("replicas")
        if reserve is not None and not max(low, 1) <= reserve <= high:
            yield f"fallback: {reserve} replicas are not between {max(low, 1)} and {high}"
    else:
        low, high = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if high is not None and low > high:
        yield f"a minimum of {low} is above the maximum of {high}"
    if scaler["kind"] == "HorizontalPodAutoscaler" and low < 1:
        yield "minReplicas must be at least 1"


def _metrics(scaler: Manifest, workload: Manifest) -> Iterator[str]:
    containers = {c.get("name"): c for c in spec_of(workload).get("template", {}).get("spec", {}).get("containers", [])}
    for metric in spec_of(scaler).get("metrics") or ():
        source = metric.get("containerResource") or metric.get("resource")
        if not source:
            continue
        named = [source["container"]] if "container" in source else list(containers)
        for name in named:
            if name not in containers:
                yield f"metrics: the pods have no container {name!r}"
            elif source.get("name") not in (containers[name].get("resources") or {}).get("requests", {}):
                yield f"metrics: container {name!r} has no {source.get('name')} request to take a percentage of"


def _keda(overlay: Overlay, scaler: Manifest) -> Iterator[str]:
    """Only for a ScaledObject: the identities that it names, and the autoscaler that KEDA makes of it."""
    if scaler["kind"] != "ScaledObject":
        return
    for trigger in spec_of(scaler).get("triggers") or ():
        reference = trigger.get("authenticationRef") or {}
        kind, name = reference.get("kind", "TriggerAuthentication"), reference.get("name", "")
        if reference and kind == "TriggerAuthentication" and not overlay.find(kind, name):
            yield f"trigger {trigger.get('type')}: there is no {kind}/{name}"
    made = spec_of(scaler).get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("name")
    own = made or f"keda-hpa-{name_of(scaler)}"
    if overlay.find("HorizontalPodAutoscaler", own):
        yield f"KEDA makes a HorizontalPodAutoscaler/{own}, and there is one of this name already"
