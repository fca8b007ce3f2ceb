"""The pipeline's Terraform is one that the configuration accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.workflow._workflows import sample, steps, workflows

ID = "SM519"
SEVERITY = "error"
TITLE = "The pipeline installs a Terraform that the configuration refuses"
WHY = (
    "`required_version` stops an older core at once, and workflows that install different versions write a state "
    "that the older one can't read any more: the next deployment fails."
)
SOURCE = "https://developer.hashicorp.com/terraform/language/terraform#terraform-required_version"
FIX = "one terraform_version in every workflow, inside required_version of every root"
READS = (".github/*", "deploy/terraform/*")
_STEP = (
    "uses: hashicorp/setup-terraform@dfe3c3f87815947d99a8997f908cb6525fc44e9e # v4.0.1\n"
    "        with:\n          terraform_version: VERSION"
)
_CORE = {"deploy/terraform/versions.tf": 'terraform {\n  required_version = ">= 1.10"\n}\n'}
BAD = {**sample(_STEP.replace("VERSION", "1.9.8")), **_CORE}
GOOD = {**sample(_STEP.replace("VERSION", "1.15.5")), **_CORE}
_REQUIRED = re.compile(r'^\s*required_version\s*=\s*"([^"]*)"', re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for each step that installs Terraform, and for versions that differ."""
    required = [found for path in tree.glob("deploy/terraform/*.tf") for found in _REQUIRED.findall(tree[path])]
    first = ""
    for path, workflow in workflows(tree):
        for _, step in steps(workflow):
            if "setup-terraform" not in str(step.get("uses")):
                continue
            version = str((step.get("with") or {}).get("terraform_version", "latest"))
            line, first = line_of(tree[path], "terraform_version"), first or version
            if version != first:
                yield Finding(ID, path, line, f"Terraform {version} here, {first} in another workflow", FIX)
            for constraint in required:
                if not _accepts(constraint, version):
                    yield Finding(ID, path, line, f"Terraform {version} is not {constraint}", FIX)


def _accepts(constraint: str, version: str) -> bool:
    specifier = re.sub(r"~>\s*(\d+\.\d+)", r"~=\1", constraint)
    specifier = re.sub(r"(^|,)\s*=?\s*(?=\d)", r"\1==", specifier)
    try:
        return SpecifierSet(specifier).contains(version)
    except (InvalidSpecifier, InvalidVersion):  # `latest` is neither
        return False
