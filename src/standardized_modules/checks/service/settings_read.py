"""What the manifests give is what the code reads, in both directions and in every environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import deployment
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.service._settings import SAMPLE, given, settings

ID = "SM510"
SEVERITY = "error"
TITLE = "Settings that the code reads and those that it is given differ"
WHY = (
    "A variable with a misspelt name is ignored, and the default stays in force where a value of this environment "
    "was meant: nothing fails, and a limit, a timeout or an address is silently wrong. One that is required and "
    "missing keeps every pod of the rollout from starting."
)
SOURCE = "https://docs.pydantic.dev/latest/concepts/pydantic_settings/#environment-variable-names"
FIX = "use the prefix and the field's name in capitals; give it in every overlay's settings.env, or in the base"
READS = ("src/*.py", "deploy/kubernetes/*", "Dockerfile", ".env.example")
_ENV = "env: [{name: APP_ENVIRONMENT, value: prod}, {name: NAME, value: '8080'}]"
BAD = {**deployment(_ENV.replace("NAME", "APP_PROT")), "src/orders/settings.py": SAMPLE}
GOOD = {**deployment(_ENV.replace("NAME", "APP_PORT")), "src/orders/settings.py": SAMPLE}
LIBRARIES = re.compile(r"(OTEL|AWS|AZURE|PYTHON|SSL|GRPC|MALLOC|TZ)(_|$)")
"""Variables that libraries read by themselves."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for variables that nothing reads, and for settings that nothing gives."""
    fields = settings(tree)
    if not fields:
        return
    code = "\n".join(tree[path] for path in tree.glob("src/*.py"))
    known = {each.variable for each in fields}
    everywhere: dict[str, set[str]] = {}
    for overlay in tree.overlays:
        for workload, names in given(overlay).items():
            everywhere[overlay.path] = everywhere.get(overlay.path, set()) | names
            for each in fields:
                if each.required and each.variable not in names:
                    message = f"{each.variable} has no default and is not given to {workload} in {overlay.name}"
                    yield Finding(ID, each.path, each.line, message, FIX)
    yield from _unread(tree, everywhere, known, code)
    common = set().union(*everywhere.values())
    for path, names in everywhere.items():
        for name in sorted((common & known) - names):
            yield Finding(ID, path, None, f"{name} is given in other environments, not here", FIX)
    local = tree.get(".env.example", "") + tree.get("Dockerfile", "")
    for each in fields:
        if everywhere and not each.required and each.variable not in common and each.variable not in local:
            message = f"nothing gives {each.variable}: not the manifests, the image or .env.example"
            yield Finding(ID, each.path, each.line, message, FIX)


def _unread(tree: Tree, everywhere: dict[str, set[str]], known: set[str], code: str) -> Iterator[Finding]:
    reported = set()
    example = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", tree.get(".env.example", ""), re.MULTILINE))
    for path, names in {**everywhere, ".env.example": example}.items():
        for name in sorted(names - known):
            if name not in reported and f'"{name}"' not in code and not LIBRARIES.match(name):
                reported.add(name)
                where, line = _written(tree, name, path)
                yield Finding(ID, where, line, f"nothing reads {name}", FIX)


def _written(tree: Tree, name: str, otherwise: str) -> tuple[str, int | None]:
    for path in (*tree.glob("deploy/kubernetes/*.env"), ".env.example"):
        line = line_of(f"\n{tree.get(path, '')}", f"\n{name}=")
        if line:
            return path, line
    return otherwise, None
