"""Core objects satisfy the schemas of the oldest and the newest supported Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from jsonschema.exceptions import best_match

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, deployment, findings
from standardized_modules.checks.kubernetes._schemas import core_object, custom_resources
from standardized_modules.checks.tree import Overlay

ID = "SM202"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
GUARD = True
TITLE = "An object does not satisfy its Kubernetes schema"
WHY = (
    "The API server drops a misspelt field with a warning that nobody reads, and the setting is "
    "silently not there. The schemas of the oldest and the newest supported version also show what "
    "an upgrade would break."
)
SOURCE = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/"
FIX = "correct the field; `kubectl explain KIND.spec` lists the names"
BAD = deployment(container="imagePullPolice: Always")
GOOD = deployment(container="imagePullPolicy: Always")
VERSIONS = ("1.34", "1.36")
"""The oldest and the newest version that generated manifests support."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every version."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for manifest in overlay.manifests:
        if f"{manifest.get('apiVersion')}/{manifest.get('kind')}" in custom_resources():
            continue
        api_version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
        for version in VERSIONS:
            validator = core_object(version, api_version, kind)
            if validator is None:
                yield manifest, f"Kubernetes {version} has no {kind} in {api_version}"
            elif error := best_match(validator.iter_errors(manifest)):
                place = ".".join(str(part) for part in error.path)
                yield manifest, f"Kubernetes {version}: {place or 'object'}: {error.message}"
