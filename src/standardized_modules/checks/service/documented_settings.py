"""The README lists the settings, all of them and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.service._settings import SAMPLE, settings

ID = "SM521"
SEVERITY = "warning"
TITLE = "The README's settings are not the code's"
WHY = (
    "Whoever operates the service looks for a setting in the README, and sets what is written there. A name that "
    "the code no longer reads does nothing; one that is not listed is found by nobody."
)
SOURCE = "https://12factor.net/config"
FIX = "list the variable with what it does, or take it out"
READS = ("README.md", "src/*/settings.py", "Dockerfile")
_TABLE = "| variable | what it does |\n|---|---|\n| `APP_ENVIRONMENT` | name |\n| `NAME` | port |\n"
BAD = {"README.md": _TABLE.replace("NAME", "APP_HTTP_PORT"), "src/orders/settings.py": SAMPLE}
GOOD = {"README.md": _TABLE.replace("NAME", "APP_PORT"), "src/orders/settings.py": SAMPLE}
_ROW = re.compile(r"^\|\s*`([A-Z][A-Z0-9_]+)`\s*\|", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for rows of the table without a field, and for fields without a row."""
    fields, path = settings(tree), "README.md"
    if not fields or path not in tree:
        return
    listed, known = set(_ROW.findall(tree[path])), {each.variable for each in fields}
    for name in sorted(listed - known):
        yield Finding(ID, path, line_of(tree[path], f"`{name}`"), f"nothing reads {name}", FIX)
    for each in fields:
        if each.variable not in listed and f" {each.variable}=" not in tree.get("Dockerfile", ""):
            yield Finding(ID, each.path, each.line, f"{each.variable} is not in the README's table", FIX)
