"""Images are pinned by digest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, findings, pods, sample
from standardized_modules.checks.tree import Overlay

ID = "SM215"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "An image is not pinned"
WHY = (
    "A tag can be moved: two pods of one Deployment may then run different code, a rollback restores "
    "nothing, and the signature that the pipeline verified is that of another image."
)
SOURCE = "https://kubernetes.io/docs/concepts/containers/images/#image-names"
FIX = "let the overlay's replacement set NAME@sha256:DIGEST, as `make deploy` does"
_POD = (
    "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: orders}}, spec: {{"
    "selector: {{matchLabels: {{app: a}}}}, template: {{metadata: {{labels: {{app: a}}}}, "
    "spec: {{containers: [{{name: api, image: '{}'}}]}}}}}}}}\n"
)
BAD = sample(_POD.format("registry.example.com/orders:latest"))
GOOD = sample(_POD.format(f"registry.example.com/orders@sha256:{'ab' * 32}"))
PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every container of the built overlays."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        for container in containers(pod):
            if not PINNED.fullmatch(str(container.get("image", ""))):
                yield workload, f"container {container.get('name')!r}: {container.get('image')} has no digest"
