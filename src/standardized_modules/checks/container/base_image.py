"""Base images are named by a version or a digest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample, stages

ID = "SM102"
SEVERITY = "error"
TITLE = "A base image is not pinned"
WHY = (
    "Without a tag, or with `latest`, the next build may get another major version of Python or another "
    "distribution, and nobody can build again what runs today. A tag with major and minor version still gets "
    "security fixes; Dependabot proposes the rest."
)
SOURCE = "https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"
FIX = "name at least major and minor version, `python:3.13-slim-trixie`, or a digest"
READS = ("Dockerfile",)
BAD = sample("", image="python:latest")
GOOD = sample("", image="python:3.13-slim-trixie")
_VERSION = re.compile(r":v?\d+\.\d+[\w.-]*$")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each stage whose image may change its major version by itself."""
    names: set[str] = {"scratch"}
    for stage in stages(tree):
        if stage.image not in names and not _VERSION.search(stage.image) and not _DIGEST.search(stage.image):
            yield Finding(ID, DOCKERFILE, stage.line, f"{stage.image} names neither version nor digest", FIX)
        names.add(stage.name)
