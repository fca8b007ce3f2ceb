"""What the Dockerfile copies is in the build context."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, Instruction, sample, stages
from standardized_modules.checks.container.dockerignore import IGNORE, is_ignored
from standardized_modules.checks.tree import TEXT

ID = "SM109"
SEVERITY = "error"
TITLE = "The Dockerfile copies a file that is not there"
WHY = (
    "A source that is misspelt, was renamed, or is left out by .dockerignore stops the build, after the pipeline has "
    "spent its minutes on everything before it. Files that are no text are not judged: they may be built first."
)
SOURCE = "https://docs.docker.com/reference/dockerfile/#copy"
FIX = "correct the path, or let it in with `!path` in .dockerignore"
BAD = {**sample("COPY requirement.txt .\n"), "requirements.txt": "fastapi==0.120.0\n"}
GOOD = {**sample("COPY requirements.txt .\n"), "requirements.txt": "fastapi==0.120.0\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each source of the context that is missing or ignored."""
    folders = {path.rpartition("/")[0] for path in tree}
    folders |= {"/".join(each.split("/")[:end]) for each in folders for end in range(1, each.count("/") + 1)}
    for stage in stages(tree):
        for copy in (*stage.of("COPY"), *stage.of("ADD")):
            for source in _sources(copy):
                below = [path for path in tree if path == source or path.startswith(f"{source}/")]
                if below and all(is_ignored(path, tree.get(IGNORE, "")) for path in below):
                    yield Finding(ID, DOCKERFILE, copy.line, f"{IGNORE} leaves out {source}", FIX)
                elif not below and _should_be_there(source, folders):
                    yield Finding(ID, DOCKERFILE, copy.line, f"there is no {source}", FIX)


def _sources(copy: Instruction) -> Iterator[str]:
    """Plain paths of the context: no other stage, address, pattern, variable, inline text or JSON form."""
    words = copy.value.split()
    options = [word for word in words if word.startswith("--")]
    if any(word.startswith("--from=") for word in options) or copy.value.startswith(("[", "<<")):
        return
    for word in words[len(options) : -1]:
        if not any(mark in word for mark in "*?[$<:"):
            source = posixpath.normpath(word.lstrip("/"))
            if source != ".":
                yield source


def _should_be_there(source: str, folders: set[str]) -> bool:
    """Whether it is text by its name, or a folder beside others."""
    folder, _, name = source.rpartition("/")
    ending = posixpath.splitext(name)[1]
    return name in TEXT or ending in TEXT or ending in (".txt", ".lock") or (not ending and folder in folders - {""})
