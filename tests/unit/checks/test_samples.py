"""Each check is tested by its own samples: BAD gives a finding, GOOD gives none."""

from __future__ import annotations

import re
from functools import cache

import pytest

from standardized_modules.checks import Check, Finding, Tree, discover

pytestmark = pytest.mark.usefixtures("trivy_on_path")
CHECKS = discover()
each = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.ID)


@cache
def on_bad(check_id: str) -> tuple[Finding, ...]:
    """What a check finds in its BAD sample, computed once: a scanner takes seconds."""
    check = next(each for each in CHECKS if check_id == each.ID)
    return tuple(check.check(Tree(check.BAD)))


def test_ids_are_found_sorted_and_unique() -> None:
    ids = [check.ID for check in CHECKS]

    assert len(ids) >= 26
    assert ids == sorted(set(ids))


@each
def test_bad_sample_is_found(check: Check) -> None:
    found = on_bad(check.ID)

    assert found
    assert {finding.check_id for finding in found} == {check.ID}


@each
def test_good_sample_is_clean(check: Check) -> None:
    assert [finding.message for finding in check.check(Tree(check.GOOD))] == []


@each
def test_findings_name_a_file_of_the_tree_and_a_way_out(check: Check) -> None:
    for finding in on_bad(check.ID):
        assert finding.path in check.BAD
        assert finding.fix == check.FIX


@each
def test_check_documents_itself(check: Check) -> None:
    assert re.fullmatch(r"SM[1-5]\d\d", check.ID)
    assert check.SEVERITY in ("error", "warning", "info")
    assert check.SOURCE.startswith("https://")
    assert check.TITLE
    assert not check.TITLE.endswith(".")
    assert len(check.WHY) > 60
    assert check.FIX


@each
def test_a_tree_without_kubernetes_is_clean(check: Check) -> None:
    assert list(check.check(Tree({"README.md": "# Hello\n"}))) == []
