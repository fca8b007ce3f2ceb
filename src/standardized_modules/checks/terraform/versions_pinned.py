"""The core and every provider are held to a range of versions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._hcl import blocks
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import roots

ID = "SM306"
SEVERITY = "error"
TITLE = "A version of Terraform or of a provider is open"
WHY = (
    "Without an upper bound the next `init` on a fresh machine takes the next major version of a provider, which "
    "renames arguments and replaces resources. Without `required_version` an old core fails with a parse error."
)
SOURCE = "https://developer.hashicorp.com/terraform/language/expressions/version-constraints"
FIX = "give `required_version`, and each provider a constraint such as `~> 6.0`"
READS = ("deploy/terraform/*",)
_TERRAFORM = """\
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "VERSION"
    }
  }
}
"""
BAD = sample(_TERRAFORM.replace("VERSION", ">= 6.0"))
GOOD = sample(_TERRAFORM.replace("VERSION", "~> 6.0"))
_PROVIDER = re.compile(r"^\s+(\w+)\s*=\s*\{([^}]*)\}", re.MULTILINE)
_BOUNDED = re.compile(r'version\s*=\s*"[^"]*(~>|<|^\d|"=?\s*\d)')


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for each root."""
    for root in roots(tree):
        own = [path for path in tree.glob(f"{root}*.tf") if "/" not in path[len(root) :]]
        written = [(path, block) for path in own for block in blocks(tree[path], "terraform")]
        for path, block in written:
            for provider, body in _PROVIDER.findall(block.text):
                if not _BOUNDED.search(body):
                    yield Finding(ID, path, block.line, f"provider {provider} has no upper bound", FIX)
        if written and not any("required_version" in block.text for _, block in written):
            yield Finding(ID, written[0][0], written[0][1].line, "required_version is missing", FIX)
        used = {p for path in own for p in re.findall(r'^provider\s+"(\w+)"', tree[path], re.MULTILINE)}
        named = {provider for _, block in written for provider, _ in _PROVIDER.findall(block.text)}
        for provider in sorted(used - named):
            yield Finding(ID, own[0], None, f"provider {provider} is not in required_providers", FIX)
