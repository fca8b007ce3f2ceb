"""What the API server refuses although the published schemas allow it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, deployment, findings, pods, spec_of
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM204"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "The API server would refuse the object"
WHY = (
    "The published schemas say 'string' where the server wants a quantity, an enumeration or a DNS "
    "label, and nothing about unions and ranges. Without this the error shows at deployment, after "
    "the image was built and pushed."
)
SOURCE = "https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go"
FIX = "use a value that the API server accepts"
BAD = deployment(container="resources: {requests: {memory: 256MB}}")
GOOD = deployment(container="resources: {requests: {memory: 256Mi}}")

QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei|e[0-9]+)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings in names, pods and rollout settings."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for manifest in overlay.manifests:
        for message in _metadata(manifest):
            yield manifest, message
    for workload, pod, _ in pods(overlay):
        for message in (*_rollout(workload), *_pod(workload, pod)):
            yield workload, message
        for container in containers(pod):
            for message in _container(container):
                yield workload, f"container {container.get('name')!r}: {message}"


def _metadata(manifest: Manifest) -> Iterator[str]:
    metadata = manifest.get("metadata") or {}
    if not NAME.fullmatch(str(metadata.get("name", ""))):
        yield f"name {metadata.get('name')!r} is not a DNS subdomain"
    for key, value in (metadata.get("labels") or {}).items():
        if not LABEL_VALUE.fullmatch(str(value)):
            yield f"label {key}: {value!r} is not a label value"


def _rollout(workload: Manifest) -> Iterator[str]:
    strategy = spec_of(workload).get("strategy") or {}
    if strategy.get("type") not in (None, "RollingUpdate", "Recreate"):
        yield f"strategy {strategy['type']!r} is neither RollingUpdate nor Recreate"
    rolling = strategy.get("rollingUpdate") or {}
    if rolling and strategy.get("type") == "Recreate":
        yield "rollingUpdate is set but the strategy is Recreate"
    if rolling and all(str(rolling.get(key, "25%")).rstrip("%") == "0" for key in ("maxSurge", "maxUnavailable")):
        yield "maxSurge and maxUnavailable are both 0: a rollout could never begin"


def _pod(workload: Manifest, pod: Mapping[str, Any]) -> Iterator[str]:
    policies = ("Never", "OnFailure") if workload["kind"] in ("Job", "CronJob") else (None, "Always")
    if pod.get("restartPolicy") not in policies:
        yield f"restartPolicy {pod.get('restartPolicy')!r} is not allowed in a {workload['kind']}"
    if pod.get("terminationGracePeriodSeconds", 0) < 0:
        yield "terminationGracePeriodSeconds is negative"
    for constraint in pod.get("topologySpreadConstraints") or ():
        if constraint.get("whenUnsatisfiable") not in ("DoNotSchedule", "ScheduleAnyway"):
            yield f"whenUnsatisfiable {constraint.get('whenUnsatisfiable')!r} does not exist"
    for volume in pod.get("volumes") or ():
        if len(volume) != 2:
            yield f"volume {volume.get('name')!r} needs exactly one source"
    if not pod.get("containers"):
        yield "a pod needs a container"


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    if not container.get("image"):
        yield "no image"
    if container.get("imagePullPolicy") not in (None, "Always", "IfNotPresent", "Never"):
        yield f"imagePullPolicy {container['imagePullPolicy']!r} does not exist"
    yield from _ports(container.get("ports") or ())
    yield from _duplicates("variable", [e.get("name") for e in container.get("env") or ()])
    for kind, amounts in (container.get("resources") or {}).items():
        for resource, amount in (amounts or {}).items() if isinstance(amounts, dict) else ():
            if not QUANTITY.fullmatch(str(amount)):
                yield f"{kind}.{resource} {amount!r} is not a quantity"
    for name in PROBES:
        if name in container:
            yield from (f"{name}: {message}" for message in _probe(name, container[name]))


def _ports(ports: Any) -> Iterator[str]:
    yield from _duplicates("port name", [port.get("name") for port in ports if "name" in port])
    for port in ports:
        if not 1 <= port.get("containerPort", 0) <= 65535:
            yield f"containerPort {port.get('containerPort')} is not between 1 and 65535"
        if "name" in port and not PORT_NAME.fullmatch(port["name"]):
            yield f"port name {port['name']!r}: at most 15 of a-z, 0-9 and '-', with a letter"


def _probe(name: str, probe: Mapping[str, Any]) -> Iterator[str]:
    if sum(handler in probe for handler in HANDLERS) != 1:
        yield f"needs exactly one of {', '.join(HANDLERS)}"
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield "successThreshold must be 1"
    for field in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
        if probe.get(field, 1) < 1:
            yield f"{field} must be at least 1"
    path = probe.get("httpGet", {}).get("path", "/")
    if not path.startswith("/"):
        yield f"path {path!r} must begin with '/'"


def _duplicates(what: str, names: list[Any]) -> Iterator[str]:
    for name in sorted({str(n) for n in names if names.count(n) > 1}):
        yield f"{what} {name!r} is there twice"
