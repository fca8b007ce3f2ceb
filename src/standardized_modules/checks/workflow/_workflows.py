"""Workflows as parsed YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from standardized_modules.checks.tree import Tree

FOLDER = ".github/workflows/"


def workflows(tree: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and content of each that is YAML at all; actionlint reports the others."""
    for path in (*tree.glob(f"{FOLDER}*.yaml"), *tree.glob(f"{FOLDER}*.yml")):
        try:
            content = yaml.safe_load(tree[path])
        except yaml.YAMLError:
            continue
        if isinstance(content, dict):
            yield path, content


def jobs(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and definition of each job."""
    return ((name, job) for name, job in (workflow.get("jobs") or {}).items() if isinstance(job, dict))


def steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The job's id and each of its steps."""
    for name, job in jobs(workflow):
        yield from ((name, step) for step in job.get("steps") or () if isinstance(step, dict))


def sample(
    step: str = "run: make test", top: str = "permissions: {}", job: str = "timeout-minutes: 5"
) -> dict[str, str]:
    """A tree with one workflow of one job and one step; for BAD and GOOD."""
    return {
        f"{FOLDER}ci.yaml": (
            f"name: CI\n\non:\n  pull_request:\n\n{top}\n\njobs:\n  test:\n    name: Test\n    runs-on: ubuntu-24.04\n"
            f"    {job}\n    permissions:\n      contents: read # to check out\n"
            f"    steps:\n      - name: Step\n        {step}\n"
        )
    }
