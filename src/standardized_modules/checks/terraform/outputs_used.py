"""What the manifests take from Terraform is an output, and what it hands over is taken."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._hcl import blocks, map_keys
from standardized_modules.checks.terraform._session import TERRAFORM
from standardized_modules.checks.tree import OVERLAYS

ID = "SM305"
SEVERITY = "error"
TITLE = "Terraform's outputs and the manifests differ"
WHY = (
    "The deployment writes output `kubernetes` over the overlay's terraform-outputs.env, and kustomize copies from "
    "there. A name that only one side knows fails the deployment after Terraform has already changed things; an "
    "output that nobody takes is a value that somebody believes to be in force."
)
SOURCE = "https://developer.hashicorp.com/terraform/language/values/outputs"
FIX = "use one name in output `kubernetes`, in terraform-outputs.env and in the overlay's replacements"
READS = ("deploy/terraform/*", "deploy/kubernetes/*")
FROM_PIPELINE = frozenset(["image"])
"""Keys that the deployment adds, because it is not Terraform that builds images."""
_OUTPUTS = f"{TERRAFORM}outputs.tf"
_ENV = f"{OVERLAYS}prod/terraform-outputs.env"
_KUSTOMIZATION = f"{OVERLAYS}prod/kustomization.yaml"
_TAKEN = (
    "replacements: [{source: {kind: ConfigMap, name: terraform-outputs, fieldPath: data.hostname}, "
    "targets: [{select: {kind: HTTPRoute}, fieldPaths: [spec.hostnames.0]}]}]\n"
)
_OUTPUT = 'output "kubernetes" {\n  value = {\n    NAME = "orders.example.com"\n  }\n}\n'
_MANIFESTS = {_ENV: "hostname=orders.example.com\n", _KUSTOMIZATION: _TAKEN}
BAD = {_OUTPUTS: _OUTPUT.replace("NAME", "host_name"), **_MANIFESTS}
GOOD = {_OUTPUTS: _OUTPUT.replace("NAME", "hostname"), **_MANIFESTS}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for both directions, each overlay."""
    handed = _outputs(tree)
    for path in tree.glob(f"{OVERLAYS}*/terraform-outputs.env"):
        overlay = path.rpartition("/")[0]
        placed = {line.partition("=")[0] for line in tree[path].splitlines() if "=" in line and line[:1] != "#"}
        taken = set(_taken(tree.get(f"{overlay}/kustomization.yaml", "")))
        if handed is None:
            yield Finding(ID, path, None, "nothing fills it: there is no output `kubernetes`", FIX)
            continue
        for name in sorted((placed | taken) - handed - FROM_PIPELINE):
            yield Finding(ID, path, None, f"{name} is not in output `kubernetes`", FIX)
        for name in sorted(handed - placed):
            yield Finding(ID, path, None, f"has no line for {name}, which output `kubernetes` hands over", FIX)
        for name in sorted(placed - taken):
            yield Finding(ID, path, None, f"no replacement of the overlay takes {name}", FIX)


def _outputs(tree: Tree) -> set[str] | None:
    for path in tree.glob(f"{TERRAFORM}*.tf"):
        for block in blocks(tree[path], "output"):
            if block.labels == ("kubernetes",):
                return set(map_keys(block.text))
    return None


def _taken(text: str) -> Iterator[str]:
    for each in (yaml.safe_load(text) or {}).get("replacements") or ():
        source = each.get("source") or {}
        if source.get("name") == "terraform-outputs":
            yield str(source.get("fieldPath", "")).removeprefix("data.")
