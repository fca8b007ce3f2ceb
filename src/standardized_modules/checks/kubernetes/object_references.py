"""Pods refer to ConfigMaps, Secrets, SecretProviderClasses and ServiceAccounts that exist."""

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
    spec_of,
)
from standardized_modules.checks.tree import Overlay

ID = "SM208"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A pod refers to an object that does not exist"
WHY = (
    "The pod stays in CreateContainerConfigError, or is never created when the ServiceAccount is missing. "
    "kustomize leaves a reference alone when it finds no object of that name, so a typing error builds."
)
SOURCE = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/"
FIX = "correct the name, or add the object (an ExternalSecret or a Certificate counts as its Secret)"
_ACCOUNT = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: orders}}\n"
BAD = deployment(pod="serviceAccountName: order", kinds=_ACCOUNT)
GOOD = deployment(pod="serviceAccountName: orders", kinds=_ACCOUNT)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every workload."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        for kind, name in sorted(set(_references(pod))):
            if not _exists(overlay, kind, name):
                yield workload, f"there is no {kind}/{name}"
    for gateway in overlay.of("Gateway"):
        for listener in spec_of(gateway).get("listeners") or ():
            for reference in (listener.get("tls") or {}).get("certificateRefs") or ():
                # Without a Certificate the Secret may come from anywhere; with one, it should be that one's.
                if any(overlay.of("Certificate")) and not _exists(overlay, "Secret", reference.get("name", "")):
                    yield gateway, f"{listener.get('name')}: nothing makes the Secret {reference.get('name')}"


def _exists(overlay: Overlay, kind: str, name: str) -> bool:
    if overlay.find(kind, name):
        return True
    external = (
        e.get("spec", {}).get("target", {}).get("name", e["metadata"]["name"]) for e in overlay.of("ExternalSecret")
    )
    certificates = (spec_of(certificate).get("secretName") for certificate in overlay.of("Certificate"))
    return kind == "Secret" and name in {*external, *certificates}


def _references(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if pod.get("serviceAccountName"):
        yield "ServiceAccount", pod["serviceAccountName"]
    for secret in pod.get("imagePullSecrets") or ():
        yield "Secret", secret["name"]
    for container in containers(pod):
        for source in container.get("envFrom") or ():
            yield from _one(source.get("configMapRef"), source.get("secretRef"), "name")
        for variable in container.get("env") or ():
            origin = variable.get("valueFrom") or {}
            yield from _one(origin.get("configMapKeyRef"), origin.get("secretKeyRef"), "name")
    for volume in pod.get("volumes") or ():
        yield from _one(volume.get("configMap"), None, "name")
        yield from _one(None, volume.get("secret"), "secretName")
        if (volume.get("csi") or {}).get("driver") == "secrets-store.csi.k8s.io":
            attributes = volume["csi"].get("volumeAttributes") or {}
            yield "SecretProviderClass", attributes.get("secretProviderClass", "")


def _one(config: Any, secret: Any, key: str) -> Iterator[tuple[str, str]]:
    for kind, reference in (("ConfigMap", config), ("Secret", secret)):
        if reference and not reference.get("optional"):
            yield kind, reference.get(key, "")
