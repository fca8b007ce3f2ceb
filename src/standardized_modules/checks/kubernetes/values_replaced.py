"""No placeholder of the templates is left in what is built, and the outputs reach their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, sample, spec_of
from standardized_modules.checks.tree import Overlay

ID = "SM220"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A placeholder was not replaced"
WHY = (
    "Terraform's outputs reach the manifests by kustomize's replacements. A place that none of them writes to "
    "keeps its placeholder and is deployed like that: a firewall that does not exist, a host nobody owns."
)
SOURCE = "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/"
FIX = "add a replacement for the field to the overlay's kustomization.yaml"
_ROUTE = (
    "{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: orders}}, "
    "spec: {{hostnames: [{}], parentRefs: [{{name: orders}}], rules: [{{}}]}}}}\n"
)
BAD = sample(_ROUTE.format("replaced-by-overlay.invalid"))
GOOD = sample(_ROUTE.format("orders.example.com"))
PLACEHOLDER = re.compile(r"replaced-by|placeholder|\bTODO\b|\bFIXME\b|\bCHANGE_?ME\b|<{|\.invalid$", re.IGNORECASE)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for string values outside dashboards, and for routes without a host."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for manifest in overlay.manifests:
        if manifest.get("kind") == "ConfigMap" and manifest["metadata"].get("labels", {}).get("grafana_dashboard"):
            continue
        for path, value in _strings(manifest, ""):
            if PLACEHOLDER.search(value):
                yield manifest, f"{path.lstrip('.')} is still {value!r}"
    for route in overlay.of("HTTPRoute"):
        if not spec_of(route).get("hostnames"):
            yield route, "has no hostnames: it takes the requests of every host of the Gateway"
    for manifest in overlay.of("ConfigMap"):
        if manifest["metadata"].get("name") == "terraform-outputs":
            yield manifest, "is meant for the build alone and would be applied"


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _strings(child, f"{path}.{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _strings(child, f"{path}.{index}")
    elif isinstance(value, str):
        yield path, value
