"""Breaks a good service in one place at a time, over all layers: the named check must see each.

What keeps the checks honest: a check that can't fail is found here, and so is a template that a
check no longer reads. Only the named check runs, on the one environment that the mutation is in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from standardized_modules.checks import Check, ToolMissingError, Tree, discover
from standardized_modules.checks.terraform._session import session
from standardized_modules.checks.tree import find_program
from tests.generated.mutations import (
    azure,
    azure_ingress,
    container,
    data,
    kubernetes,
    service,
    terraform,
    terraform_data,
    terraform_queue,
    uncaught,
    worker,
    worker_identity,
    workflow,
)
from tests.generated.mutations._mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = (
    *container.MUTATIONS,
    *kubernetes.MUTATIONS,
    *terraform.MUTATIONS,
    *terraform_queue.MUTATIONS,
    *terraform_data.MUTATIONS,
    *workflow.MUTATIONS,
    *service.MUTATIONS,
    *worker.MUTATIONS,
    *data.MUTATIONS,
    *worker_identity.MUTATIONS,
    *azure.MUTATIONS,
    *azure_ingress.MUTATIONS,
)
TreeOf = Callable[[str], Tree]
CHECKS: Mapping[str, Check] = {check.ID: check for check in discover()}
LIMITS = Path(__file__).parents[2] / "docs" / "guides" / "known-limits.md"
OWN_TESTS = {
    **{
        f"SM50{number}": "the records of sm: tests/behaviour/test_verify*.py break them one by one"
        for number in range(10)
    },
    "SM541": "trivy is optional and not installed with the project; its samples run where it is",
}
"""Checks without a mutation here, and why."""


@pytest.fixture(scope="module")
def tree_of(service_folder: Callable[[str], Path]) -> TreeOf:
    """A good service with production alone: one overlay to build, one environment to apply."""
    others = tuple(
        f"deploy/{place}{environment}{end}"
        for environment in ("dev", "staging")
        for place, end in (("kubernetes/overlays/", "/"), ("terraform/environments/", "."))
    )

    @cache
    def good(name: str) -> Tree:
        every = Tree.read(service_folder(name))
        tree = Tree({path: text for path, text in every.items() if not path.startswith(others)})
        assert tree.overlays
        assert session(tree).roots
        return tree

    return good


def broken_tree(good: Tree, mutation: Mutation) -> Tree:
    """The good service with one fault."""
    assert mutation.before in good[mutation.path], "the template changed: the mutation no longer breaks anything"
    tree = Tree({**good, mutation.path: good[mutation.path].replace(mutation.before, mutation.after, 1)})
    # What is built of other files than the broken one is there already; what is built anew ends with this tree.
    tree._made = dict(good._made)
    return tree


def run(check: Check, tree: Tree) -> list[str]:
    """What one check finds, given the files that it reads, as the runner gives them."""
    only = tree.only(getattr(check, "READS", ("*",)))
    return [f"{found.path}:{found.line}: {found.message}" for found in check.check(only)]


def about(tree: Tree, path: str) -> Tree:
    """Of the tests of Terraform those alone that name something of a file: they would be the first to see a fault."""
    blocks = re.findall(r'^(?:data|resource|output|variable) "(\w+)"(?: "(\w+)")?', tree[path], re.MULTILINE)
    names = {".".join(filter(None, block)) for block in blocks}
    others = [
        each
        for each in tree.glob("deploy/terraform/*.tftest.hcl")
        if not any(re.search(rf"\b{re.escape(name)}\b", tree[each]) for name in names)
    ]
    fewer = Tree({each: text for each, text in tree.items() if each not in others})
    fewer._made = dict(tree._made)
    return fewer


@pytest.mark.parametrize(("name", "check_id"), sorted({(each.service, each.check_id) for each in MUTATIONS}))
def test_the_good_service_is_clean(tree_of: TreeOf, name: str, check_id: str) -> None:
    assert run(CHECKS[check_id], tree_of(name)) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_mutation_is_caught(tree_of: TreeOf, mutation: Mutation, record_property: Callable[[str, Any], None]) -> None:
    tree = broken_tree(tree_of(mutation.service), mutation)
    found = mutation.check_id == "SM303" and run(CHECKS["SM303"], about(tree, mutation.path))
    found = found or run(CHECKS[mutation.check_id], tree)

    record_property("mutation", [mutation.check_id, bool(found)])
    assert found


@pytest.mark.parametrize("mutation", uncaught.MUTATIONS, ids=str)
def test_known_limit_is_still_one_and_is_documented(tree_of: TreeOf, mutation: Mutation) -> None:
    broken = broken_tree(tree_of(mutation.service), mutation)

    assert run(CHECKS[mutation.check_id], broken) == [], "caught now: move it to its layer"
    assert f"| {mutation.name} | {mutation.check_id} |" in LIMITS.read_text(encoding="utf-8")


def test_every_check_catches_a_mutation() -> None:
    missing = CHECKS.keys() - {mutation.check_id for mutation in MUTATIONS} - OWN_TESTS.keys()

    assert missing == set()
    assert len(MUTATIONS) == len({(m.service, m.path, m.before, m.after, m.check_id) for m in MUTATIONS}) >= 110


def test_optional_scanner_is_clean_or_says_how_to_get_it(tree_of: TreeOf) -> None:
    if find_program_or_none("trivy"):
        assert run(CHECKS["SM541"], tree_of("web_api")) == []
    else:
        with pytest.raises(ToolMissingError, match=r"trivy\.dev"):
            run(CHECKS["SM541"], tree_of("web_api"))


def find_program_or_none(name: str) -> str | None:
    """Where a program is, if it is anywhere."""
    try:
        return find_program(name, "")
    except ToolMissingError:
        return None
