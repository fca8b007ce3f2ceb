"""The build context leaves out history, local settings and local environments."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample

ID = "SM106"
SEVERITY = "error"
TITLE = "The build context takes in what must not reach an image"
WHY = (
    "`COPY .` with `.env` in the context puts local passwords into a layer, `.git` puts every secret that was "
    "ever committed there, `.venv` the wrong platform's packages; and each change of them spoils the cache."
)
SOURCE = "https://docs.docker.com/build/concepts/context/#dockerignore-files"
FIX = "begin .dockerignore with `*` and let in what the Dockerfile copies with `!`"
READS = ("Dockerfile", ".dockerignore")
FORBIDDEN = (".git/config", ".env", ".env.prod", ".venv/pyvenv.cfg", "deploy/terraform/terraform.tfstate")
"""A path for each kind of thing that must stay outside."""
IGNORE = ".dockerignore"
BAD = {**sample("COPY . .\n"), IGNORE: "*.md\n"}
GOOD = {**sample("COPY . .\n"), IGNORE: "*\n!src\n!requirements.txt\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each forbidden path that the context contains."""
    if DOCKERFILE not in tree:
        return
    if IGNORE not in tree:
        yield Finding(ID, DOCKERFILE, None, "there is no .dockerignore", FIX)
        return
    taken = [path for path in FORBIDDEN if not is_ignored(path, tree[IGNORE])]
    if taken:
        yield Finding(ID, IGNORE, None, f"does not leave out {', '.join(taken)}", FIX)


def is_ignored(path: str, text: str) -> bool:
    """Whether a .dockerignore with this text leaves a file out."""
    ignored = False
    for line in text.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _matches(path, pattern.lstrip("!").strip("/")):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(path: str, pattern: str) -> bool:
    """A pattern matches a path or a folder above it, from the root of the context on."""
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts) or _matches(path, pattern[3:])
    depth = pattern.count("/")
    return any(each.count("/") == depth and fnmatch.fnmatchcase(each, pattern) for each in above)
