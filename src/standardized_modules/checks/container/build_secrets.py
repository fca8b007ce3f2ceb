"""No ENV or ARG of the image carries a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, assignments, sample

ID = "SM105"
SEVERITY = "error"
TITLE = "A secret in ENV or ARG"
WHY = (
    "ENV and ARG are stored in the image's metadata: whoever can pull it reads them with `docker history`, also "
    "when a later layer unsets them, and provenance attestations publish build arguments."
)
SOURCE = "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/"
FIX = "pass it at run time, or to the build with `RUN --mount=type=secret`"
READS = ("Dockerfile",)
BAD = sample("ARG PIP_TOKEN\n")
GOOD = sample("ARG VERSION=0.0.0\n")
_SECRET = re.compile(r"passw|secret|token|(^|_)(key|pwd|credentials?|auth)$|api_?key|access_key", re.IGNORECASE)
_PUBLIC = re.compile(r"public_key|_key_id$|_(file|path|url)$", re.IGNORECASE)
_VALUE = re.compile(r"AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|://[^/\s:@]+:[^/\s@]+@|-----BEGIN")


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each name that says secret, and each value that looks like one."""
    for each, name, value in assignments(tree):
        if _SECRET.search(name) and not _PUBLIC.search(name):
            yield Finding(ID, DOCKERFILE, each.line, f"{each.name} {name}", FIX)
        elif _VALUE.search(value):
            yield Finding(ID, DOCKERFILE, each.line, f"{each.name} {name} holds credentials", FIX)
