"""What the Terraform checks do where there is no schema to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from standardized_modules.checks import Tree, index
from standardized_modules.checks.terraform import valid
from standardized_modules.verification.workers import run_check


def test_schemas_that_can_not_be_fetched_are_a_check_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    check = next(each for each in index() if each.id == valid.ID)

    outcome = run_check(Tree(valid.GOOD), check)

    assert outcome.status == "not run"
    assert "cdktn-provider-aws" in outcome.reason
    assert "copy the wheel" in outcome.hint
