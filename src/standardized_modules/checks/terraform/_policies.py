"""What the policies on made-up infrastructure share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._session import TERRAFORM, Applied, place, session

Objection = tuple[str, str]
"""The address of a resource, and what is wrong with it."""


def findings(
    tree: Tree, check_id: str, fix: str, inspect: Callable[[Applied], Iterator[Objection]]
) -> Iterator[Finding]:
    """Findings of one policy over every environment, once each."""
    seen: set[tuple[str, str, str]] = set()
    for applied in session(tree).applied():
        for address, message in inspect(applied):
            if (applied.root, address, message) not in seen:
                seen.add((applied.root, address, message))
                path, line = place(tree, applied.root, address)
                where = f" ({applied.environment})" if applied.environment else ""
                yield Finding(check_id, path, line, f"{address}{where}: {message}", fix)


def inner(values: Mapping[str, Any], path: str) -> list[Any]:
    """Every value at a dotted path through nested blocks, which a state holds as lists."""
    found: list[Any] = [values]
    for step in path.split("."):
        found = [item.get(step) for item in found if isinstance(item, dict)]
        found = [one for item in found for one in (item if isinstance(item, list) else [item])]
    return found


def sample(hcl: str, **files: str) -> dict[str, str]:
    """A tree with one Terraform file; for BAD and GOOD."""
    return {f"{TERRAFORM}main.tf": hcl, **files}
