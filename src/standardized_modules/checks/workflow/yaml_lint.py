"""yamllint finds nothing, by the service's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import on_disk, run

ID = "SM405"
SEVERITY = "warning"
TITLE = "yamllint finds a fault in a YAML file"
WHY = (
    "A key that stands twice silently wins over the first; `on` and `no` become booleans; indentation that looks "
    "right nests elsewhere. The service's own `make lint` refuses the same files."
)
SOURCE = "https://yamllint.readthedocs.io/en/stable/rules.html"
FIX = "correct the line; the rule's name is in brackets"
READS = ("*.yaml", "*.yml", ".yamllint*")
TOOL = "yamllint"
INSTALL = "pip install yamllint==1.38.0"
BAD = {"catalog-info.yaml": "---\nkind: API\nkind: Component\n"}
GOOD = {"catalog-info.yaml": "---\nkind: Component\n"}
_LINE = re.compile(r"(?:\./)?(?P<path>[^:]+):(?P<line>\d+):\d+: (?P<message>.*)")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of yamllint, warnings too."""
    if not (tree.glob("*.yaml") or tree.glob("*.yml")):
        return
    with on_disk(tree, *READS) as folder:
        done = run(TOOL, INSTALL, "--strict", "--format", "parsable", ".", folder=folder)
        found = [match for line in done.stdout.splitlines() if (match := _LINE.fullmatch(line))]
        if done.returncode and not found:
            yield Finding(ID, next(iter(tree)), None, f"yamllint stopped: {done.stderr.strip()}", FIX)
        for match in found:
            yield Finding(ID, match["path"], int(match["line"]), match["message"], FIX)
