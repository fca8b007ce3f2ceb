"""A data API's own tests, linters and type checker, as its owner runs them after generating it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import run_sm
from tests.generated.conftest import make


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_its_own_tests_linters_and_type_checker_pass(cloud: str, tmp_path: Path) -> None:
    made = run_sm("create-microservice", "orders", "--pattern", "data_api", "--cloud", cloud, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    tested = make(tmp_path / "orders", "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"=+ \d{3} passed in [\d.]+s", tested.stdout), "all of them, and none skipped"
    linted = make(tmp_path / "orders", "lint")
    assert linted.returncode == 0, linted.stdout + linted.stderr
