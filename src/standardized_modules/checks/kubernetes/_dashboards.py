"""Grafana dashboards of a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from standardized_modules.checks import Tree
from standardized_modules.checks.tree import KUBERNETES


def dashboards(tree: Tree) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
    """Path, model (None when there is none) and the error of every dashboard."""
    for path in tree.glob(f"{KUBERNETES}*/dashboards/*.json"):
        try:
            model = json.loads(tree[path])
        except json.JSONDecodeError as error:
            yield path, None, f"not JSON: {error}"
        else:
            yield (path, model, "") if isinstance(model, dict) else (path, None, "not an object")


def line_of(text: str, part: str) -> int | None:
    """The first line that contains a text."""
    return next((n for n, line in enumerate(text.splitlines(), start=1) if part in line), None)
