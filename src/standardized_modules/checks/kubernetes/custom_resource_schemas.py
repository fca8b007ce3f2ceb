"""Custom resources satisfy closed schemas."""

from __future__ import annotations

from collections.abc import Iterator

import jsonschema

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, sample
from standardized_modules.checks.kubernetes._schemas import custom_resources
from standardized_modules.checks.tree import Overlay

ID = "SM203"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
GUARD = True
TITLE = "A custom resource has a wrong field"
WHY = (
    "Gateway API, the AWS Load Balancer Controller and the Prometheus operator validate in the "
    "cluster only, where an unknown field is dropped: the firewall is then simply not attached. "
    "These schemas are closed and hold the bounds that the cloud would refuse."
)
SOURCE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/spec/"
FIX = "correct the field after the reference of the custom resource"
_LBC = "{{apiVersion: gateway.k8s.aws/v1, kind: LoadBalancerConfiguration, metadata: {{name: orders}}, spec: {{{}}}}}\n"
BAD = sample(_LBC.format("wafv2: {webACL: x}"))
GOOD = sample(_LBC.format("wafV2: {webACL: x}"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings in the custom resources of every overlay."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    schemas = custom_resources()
    groups = {name.split("/")[0] for name in schemas}
    for manifest in overlay.manifests:
        name = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
        if name in schemas:
            validator = jsonschema.Draft202012Validator(schemas[name])
            for error in validator.iter_errors(manifest.get("spec")):
                yield manifest, f"spec.{'.'.join(str(p) for p in error.absolute_path)}: {error.message}"
            for field in manifest.keys() - {"apiVersion", "kind", "metadata", "spec"}:
                yield manifest, f"unknown field {field!r} beside spec"
        elif name.split("/")[0] in groups:
            yield manifest, f"{name} is not one of the versions and kinds that are known here"
