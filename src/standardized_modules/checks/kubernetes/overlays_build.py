"""Every overlay builds."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import sample

ID = "SM201"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "An overlay does not build"
WHY = (
    "What kustomize can't build can't be deployed, and every other check of the manifests is blind. "
    "A build also proves that each replacement found its source and its target."
)
SOURCE = "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/"
FIX = "run `kubectl kustomize` on the overlay and correct what it names"
BAD = {"deploy/kubernetes/overlays/prod/kustomization.yaml": "resources: [missing.yaml]\n"}
GOOD = sample("{apiVersion: v1, kind: ServiceAccount, metadata: {name: orders}}\n")


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each overlay that does not build."""
    for overlay in tree.overlays:
        if overlay.error:
            yield Finding(ID, overlay.path, None, f"{overlay.name} does not build: {overlay.error}", FIX)
