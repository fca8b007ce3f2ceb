"""The generated background_worker service, alone and beside web_api: its own tests and linters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import run_sm
from tests.generated.conftest import make

SERVICES = {
    "worker-aws": ("--pattern", "background_worker", "--cloud", "aws"),
    "worker-azure": ("--pattern", "background_worker", "--cloud", "azure"),
    "both-aws": ("--pattern", "web_api", "--pattern", "background_worker", "--cloud", "aws"),
    "ordered-aws": ("--pattern", "background_worker", "--cloud", "aws", "--set", "queue.ordered=true"),
}


@pytest.mark.parametrize("options", SERVICES.values(), ids=SERVICES)
def test_its_own_tests_linters_and_type_checker_pass(options: tuple[str, ...], tmp_path: Path) -> None:
    made = run_sm("create-microservice", "orders", *options, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    tested = make(tmp_path / "orders", "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"=+ \d{3} passed in [\d.]+s", tested.stdout), "all of them, and none skipped"
    linted = make(tmp_path / "orders", "lint")
    assert linted.returncode == 0, linted.stdout + linted.stderr
