"""Checks in processes: what they find comes back, and so does how they fail."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from standardized_modules.checks import Tree
from standardized_modules.verification.result import Outcome
from standardized_modules.verification.workers import run_check, run_checks
from tests.unit.verification.inline_checks import InlineChecks

TREE = Tree({"a.txt": "a\n", "b.txt": "b\n"})


def by_id(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {each.check_id: each for each in outcomes}


def test_findings_come_back_from_other_processes(inline_check: InlineChecks) -> None:
    body = """
        import os
        yield Finding("SM9", "a.txt", 1, str(os.getpid()), "F")
    """
    checks = [inline_check(f"SM90{n}", body) for n in range(5)]

    outcomes = by_id(list(run_checks(TREE, checks)))

    assert sorted(outcomes) == [check.id for check in checks]
    processes = {each.findings[0].message for each in outcomes.values()}
    assert str(os.getpid()) not in processes
    assert {each.status for each in outcomes.values()} == {"findings"}


def test_a_check_sees_only_what_it_reads(inline_check: InlineChecks) -> None:
    check = inline_check(
        "SM901", 'yield from (Finding("SM901", path, None, "seen", "F") for path in tree)', reads=("a*",)
    )

    assert [finding.path for finding in run_check(TREE, check).findings] == ["a.txt"]


def test_a_missing_tool_is_not_run_with_the_way_to_install_it(inline_check: InlineChecks) -> None:
    check = inline_check("SM902", 'raise ToolMissingError("x is not installed", hint="pip install x")')

    outcome = run_check(TREE, check)

    assert (outcome.status, outcome.reason, outcome.hint) == ("not run", "x is not installed", "pip install x")


def test_a_check_that_raises_or_dies_does_not_take_the_others_along(inline_check: InlineChecks) -> None:
    checks = [
        inline_check("SM911", 'raise KeyError("lost")'),
        inline_check("SM912", "import os, sys\nsys.stderr.write('last words')\nsys.stderr.flush()\nos._exit(7)"),
        *(inline_check(f"SM92{n}", "return iter(())") for n in range(6)),
    ]

    outcomes = by_id(list(run_checks(TREE, checks)))

    assert outcomes["SM911"].status == "crashed"
    assert "KeyError: 'lost'" in outcomes["SM911"].reason
    assert outcomes["SM912"].status == "crashed"
    assert "ended with 7" in outcomes["SM912"].reason
    assert "last words" in outcomes["SM912"].reason
    assert [outcomes[f"SM92{n}"].status for n in range(6)] == ["clean"] * 6


def test_a_check_that_never_ends_is_given_up_with_what_it_started(inline_check: InlineChecks, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    body = f"""
        import subprocess, pathlib
        child = subprocess.Popen(["sleep", "60"])
        pathlib.Path({str(pid)!r}).write_text(str(child.pid))
        child.wait()
        yield
    """
    checks = [inline_check("SM931", body, exclusive=True), inline_check("SM932", "return iter(())")]

    outcomes = by_id(list(run_checks(TREE, checks, limit=1.5)))

    assert outcomes["SM931"].status == "crashed"
    assert "had not ended after 1.5 s" in outcomes["SM931"].reason
    assert outcomes["SM932"].status == "clean"
    assert_ends(int(pid.read_text()))


def test_nothing_to_run_starts_nothing() -> None:
    assert list(run_checks(TREE, [])) == []


def test_what_checks_print_goes_nowhere(inline_check: InlineChecks, capfd: pytest.CaptureFixture[str]) -> None:
    check = inline_check("SM941", "print('noise')\nimport os\nos.write(1, b'more noise')\nreturn iter(())")

    assert [each.status for each in run_checks(TREE, [check])] == ["clean"]
    assert capfd.readouterr().out == ""


def assert_ends(pid: int) -> None:
    """The process is gone, or a zombie that nobody has reaped yet."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} still runs")
