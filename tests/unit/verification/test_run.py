"""What becomes of the outcomes of a run."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Finding, index
from standardized_modules.verification import Outcome
from standardized_modules.verification.run import _guarded

CHECKS = [each for each in index() if each.id in ("SM202", "SM210", "SM407")]
CRASHES = [Outcome("SM210", "crashed", reason="TypeError: x"), Outcome("SM407", "crashed", reason="TypeError: y")]


def test_a_check_that_stops_at_a_malformed_file_is_not_run() -> None:
    found = Outcome("SM202", "findings", (Finding("SM202", "deploy/kubernetes/base/service.yaml", 1, "m", "f"),))

    guarded = {each.check_id: each for each in _guarded([found, *CRASHES], CHECKS)}

    assert guarded["SM202"] == found
    assert (guarded["SM210"].status, guarded["SM210"].reason) == ("not run", "it can't read what SM202 finds malformed")
    assert guarded["SM407"].status == "crashed", "it reads other files"


@pytest.mark.parametrize("clean", [Outcome("SM202", "clean"), Outcome("SM202", "not run")])
def test_without_a_malformed_file_a_crash_is_one(clean: Outcome) -> None:
    assert list(_guarded([clean, *CRASHES], CHECKS)) == [clean, *CRASHES]
