"""Files of variables name declared variables only, and all that have no default."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.terraform._hcl import blocks
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import TERRAFORM, roots, var_files

ID = "SM304"
SEVERITY = "error"
TITLE = "A file of variables and the declarations differ"
WHY = (
    "Terraform only warns of a value for a variable that is not declared, so a misspelt name leaves the default in "
    "force without a word; and a variable without value or default makes the pipeline wait for an answer that "
    "nobody types. Files of two environments that name different variables are usually one that was forgotten."
)
SOURCE = "https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files"
FIX = "name the variable as in variables.tf, and give each required one in every environment"
READS = ("deploy/terraform/*",)
_VARIABLE = 'variable "environment" {\n  type = string\n}\n'
_PROD = f"{TERRAFORM}environments/prod.tfvars"
BAD = sample(_VARIABLE, **{_PROD: 'enviroment = "prod"\n'})
GOOD = sample(_VARIABLE, **{_PROD: 'environment = "prod"\n'})
_KEY = re.compile(r"^(\w+)\s*=", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for each file of variables of each root."""
    for root in roots(tree):
        declared = {
            block.labels[0]: bool(re.search(r"^\s*default\s*=", block.text, re.MULTILINE))
            for path in tree.glob(f"{root}*.tf")
            if "/" not in path[len(root) :]
            for block in blocks(tree[path], "variable")
        }
        required = {name for name, has_default in declared.items() if not has_default}
        for _, path in var_files(tree, root):
            given = set(_KEY.findall(tree[path])) if path else set()
            for name in sorted(given - declared.keys()):
                yield Finding(ID, path, line_of(tree[path], name), f"variable {name} is not declared", FIX)
            if path and required - given:
                missing = ", ".join(sorted(required - given))
                yield Finding(ID, path, None, f"gives no value for {missing}, which has no default", FIX)
