"""Image, pipeline and project mean the same Python."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, stages
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.workflow._workflows import sample, steps, workflows

ID = "SM517"
SEVERITY = "error"
TITLE = "Image, pipeline and project name different versions of Python"
WHY = (
    "What is tested must be what runs: a pipeline on another minor version proves nothing about the image, and "
    "virtual environments of two stages with different versions do not start at all."
)
SOURCE = "https://packaging.python.org/en/latest/guides/writing-pyproject-toml/#python-requires"
FIX = "change FROM in every stage, python-version of the workflow and requires-python together"
READS = ("Dockerfile", ".github/*", "pyproject.toml")
_STEP = (
    "uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0\n"
    "        with:\n          python-version: VERSION"
)
_IMAGE = {DOCKERFILE: "FROM python:3.13-slim-trixie\n"}
BAD = {**sample(_STEP.replace("VERSION", '"3.12"')), **_IMAGE}
GOOD = {**sample(_STEP.replace("VERSION", '"3.13"')), **_IMAGE}
_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+)")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings against the version of the stage that runs."""
    images = [(stage.line, found[1]) for stage in stages(tree) if (found := _PYTHON.search(stage.image))]
    if not images:
        return
    runs = images[-1][1]
    for line, version in images:
        if version != runs:
            yield Finding(ID, DOCKERFILE, line, f"a stage has Python {version}, the last one {runs}", FIX)
    for path, workflow in workflows(tree):
        for _, step in steps(workflow):
            version = str((step.get("with") or {}).get("python-version", runs))
            if "setup-python" in str(step.get("uses")) and version != runs:
                at = line_of(tree[path], "python-version")
                yield Finding(ID, path, at, f"Python {version}, the image has {runs}", FIX)
    yield from _project(tree, runs)


def _project(tree: Tree, runs: str) -> Iterator[Finding]:
    path = "pyproject.toml"
    try:
        project = tomllib.loads(tree.get(path, ""))
        required = SpecifierSet(project.get("project", {}).get("requires-python", ""))
    except (tomllib.TOMLDecodeError, InvalidSpecifier):
        return  # SM514 and the build report it
    if not required.contains(f"{runs}.0"):
        yield Finding(ID, path, line_of(tree[path], "requires-python"), f"{required} excludes the image's {runs}", FIX)
    tools = project.get("tool", {})
    aimed = {
        "ruff target-version": re.sub(r"py(\d)(\d+)", r"\1.\2", str(tools.get("ruff", {}).get("target-version", ""))),
        "mypy python_version": str(tools.get("mypy", {}).get("python_version", "")),
    }
    for name, version in aimed.items():
        if re.fullmatch(r"3\.\d+", version) and not required.contains(f"{version}.0"):
            yield Finding(ID, path, None, f"{name} is {version}, which {required} excludes", FIX)
