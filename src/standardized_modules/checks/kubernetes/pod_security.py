"""Pods meet the restricted pod security standard, and the namespace enforces it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, deployment, findings, pods, spec_of
from standardized_modules.checks.tree import Overlay

ID = "SM217"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A pod may do more than it needs"
WHY = (
    "Root in a container, a writable root file system or a capability is what turns a bug in the "
    "application into control over the node. A namespace with the `restricted` label refuses such pods."
)
SOURCE = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
FIX = "runAsNonRoot, seccomp RuntimeDefault, drop ALL, no escalation, read-only root, no API token"
_POD = (
    "automountServiceAccountToken: false, securityContext: "
    "{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}"
)
_CONTAINER = (
    "securityContext: {allowPrivilegeEscalation: ESCALATE, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"
)
BAD = deployment(_CONTAINER.replace("ESCALATE", "true"), _POD)
GOOD = deployment(_CONTAINER.replace("ESCALATE", "false"), _POD)
ENFORCE = "pod-security.kubernetes.io/enforce"


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for pods and namespaces."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for namespace in overlay.of("Namespace"):
        enforced = (namespace["metadata"].get("labels") or {}).get(ENFORCE)
        if enforced != "restricted" and not (enforced == "baseline" and _holds_a_gateway(overlay)):
            yield namespace, f"{ENFORCE} is not restricted"
    for workload, pod, _ in pods(overlay):
        for message in _pod(pod):
            yield workload, message
        for container in containers(pod):
            for message in _container(pod.get("securityContext") or {}, container.get("securityContext") or {}):
                yield workload, f"container {container.get('name')!r}: {message}"


def _holds_a_gateway(overlay: Overlay) -> bool:
    """Whether AKS makes Envoy pods in this namespace, which name no seccomp profile.

    https://github.com/istio/istio/issues/56383
    """
    return any(spec_of(gateway).get("gatewayClassName") == "approuting-istio" for gateway in overlay.of("Gateway"))


def _pod(pod: Mapping[str, Any]) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is on"
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts a token of the Kubernetes API: automountServiceAccountToken is not false"
    for volume in pod.get("volumes") or ():
        if "hostPath" in volume:
            yield f"volume {volume.get('name')!r} is a path of the host"


def _container(pod: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    context = {**pod, **own}
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "may run as root"
    if (context.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges: allowPrivilegeEscalation is not false"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root file system"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "keeps capabilities: drop ALL"
    for capability in set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"adds the capability {capability}"
