"""The guides say what is so: numbers of checks, and links that lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from standardized_modules.checks import index

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")})
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
OPTIONAL = 1
"""Checks whose tool does not come with the project: trivy, SM541."""


def test_the_guide_to_verify_counts_the_checks() -> None:
    text = (GUIDES / "verify.md").read_text(encoding="utf-8")
    table = {layer: int(number) for layer, number in re.findall(r"^\| SM\dxx \| `(\w+)` \| (\d+) \|", text, re.M)}
    sample = re.search(r"no findings; (\d+) checks, (\d+) not run", text)

    assert table == Counter(check.layer for check in index())
    assert sample
    assert (int(sample[1]), int(sample[2])) == (sum(table.values()) - OPTIONAL, OPTIONAL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)

    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


def test_every_guide_can_be_found_from_another_page() -> None:
    linked = {
        (page.parent / link).resolve() for page in PAGES for link in LINK.findall(page.read_text(encoding="utf-8"))
    }

    assert set(GUIDES.glob("*.md")) <= linked
