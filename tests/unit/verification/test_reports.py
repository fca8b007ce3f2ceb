"""The four formats of one result."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from standardized_modules.checks import Finding, index
from standardized_modules.checks.suppressions import Suppression
from standardized_modules.errors import UsageError
from standardized_modules.reports.progress import Progress
from standardized_modules.reports.verification import as_json, as_text
from standardized_modules.reports.verification_ci import as_junit, as_sarif
from standardized_modules.verification import Outcome, Verification
from standardized_modules.verification.baseline import read_baseline
from standardized_modules.verification.result import problems

CHECKS = {check.id: check for check in index() if check.id in ("SM203", "SM227", "SM502", "SM503")}
WRONG = Finding("SM203", "deploy/a b.yaml", 7, "spec: unknown \x1b[31m<field>", "correct it")
OUTCOMES = (
    Outcome("SM203", "findings", (WRONG, WRONG), 0.5),
    Outcome("SM227", "not run", reason="promtool is not installed", hint="apt-get install prometheus"),
    Outcome("SM502", "crashed", reason="Traceback\nKeyError: 'x'"),
    Outcome("SM503", "findings", (Finding("SM503", "Makefile", None, "edited", "nothing"),), cached=True),
)
PROBLEMS = problems(OUTCOMES, CHECKS)
RESULT = Verification(
    service="orders",
    checks=tuple(CHECKS.values()),
    outcomes=OUTCOMES,
    problems=PROBLEMS[1:],
    accepted=PROBLEMS[:1],
    fixed=("0123456789abcdef",),
    suppressions=(
        Suppression("ruff", "S104", "a.py", 3, "a pod's own address"),
        Suppression("ruff", "S104", "b.py", 9, "a pod's own address"),
        Suppression("trivy", "AVD-1", "main.tf", 1, "fixed upstream", "2999-01-01"),
    ),
    seconds=1.25,
)


def test_fingerprints_tell_equal_findings_apart_and_survive_moved_lines() -> None:
    moved = problems((Outcome("SM203", "findings", (Finding("SM203", WRONG.path, 70, WRONG.message, "f"),)),), CHECKS)

    assert len({each.fingerprint for each in PROBLEMS}) == 3
    assert moved[0].fingerprint == PROBLEMS[0].fingerprint


def test_information_never_fails() -> None:
    assert [each.check_id for each in RESULT.problems] == ["SM203", "SM503"]
    assert [each.check_id for each in RESULT.failing] == ["SM203"]


def test_text_says_where_what_and_the_way_out() -> None:
    text = as_text(RESULT)

    assert "deploy/a b.yaml:7: error SM203: A custom resource has a wrong field" in text
    assert "fix: correct it" in text
    assert "SM227  promtool is not installed\n         hint: apt-get install prometheus" in text
    assert "SM502  KeyError: 'x'" in text
    assert "Suppressions (3)\n  ruff S104  a.py:3 and 1 more\n    a pod's own address" in text
    assert "trivy AVD-1 until 2999-01-01  main.tf:1" in text
    assert "1 known findings are accepted" in text
    assert "1 findings of the baseline are gone" in text
    assert (
        text.splitlines()[-1] == "orders: 1 error, 1 info; 2 checks (1 from the cache), 1 not run, 1 crashed in 1.2 s"
    )


def test_json_is_what_the_baseline_reads(tmp_path: Path) -> None:
    document = json.loads(as_json(RESULT))
    file = tmp_path / "known.json"
    file.write_text(as_json(RESULT))

    assert document["ok"] is False
    assert {"check_id", "severity", "path", "line", "message", "fix", "fingerprint"} <= document["findings"][0].keys()
    assert [each["status"] for each in document["checks"]] == ["findings", "not run", "crashed", "findings"]
    assert read_baseline(file) == {each.fingerprint for each in PROBLEMS}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"findings": [{}]}', "\xff"])
def test_another_file_is_no_baseline(tmp_path: Path, text: str) -> None:
    file = tmp_path / "known.json"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(UsageError) as error:
        read_baseline(file)

    assert "sm verify --format json" in error.value.hint


def test_sarif_has_the_shape_of_its_standard() -> None:
    """Sections 3.13 to 3.52 of SARIF 2.1.0: required properties, enumerations, references that resolve."""
    document = json.loads(as_sarif(RESULT))
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("/sarif-schema-2.1.0.json")
    assert set(document) == {"$schema", "version", "runs"}
    assert [rule["id"] for rule in rules] == list(CHECKS)
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for rule in rules:
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert rule["shortDescription"]["text"]
        assert rule["helpUri"].startswith("https://")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        (location,) = result["locations"]
        assert " " not in location["physicalLocation"]["artifactLocation"]["uri"]
        assert location["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
    (accepted,) = [each for each in run["results"] if "suppressions" in each]
    assert accepted["suppressions"][0]["kind"] in ("inSource", "external")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["warning", "error"]


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(as_junit(RESULT))  # noqa: S314  our own output
    (suite,) = root
    cases = list(suite)

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "4",
        "1",
        "1",
        "1",
    )
    assert [case[0].tag for case in cases] == ["failure", "skipped", "error", "system-out"]
    assert "deploy/a b.yaml:7: spec: unknown ?[31m<field>" in (cases[0][0].text or "")


def test_progress_is_quiet_in_a_log() -> None:
    stream = io.StringIO()
    progress = Progress(stream)

    progress(Outcome("SM203", "clean", seconds=0.1), 1, 2)
    progress(Outcome("SM302", "clean", seconds=9.0), 2, 2)

    assert stream.getvalue().startswith("2/2 SM302: clean after 9.0 s\n2 checks in ")


def test_progress_is_one_line_on_a_terminal() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    progress = Progress(stream)

    progress(Outcome("SM203", "clean"), 1, 2)
    progress(Outcome("SM204", "findings"), 2, 2)

    assert stream.getvalue() == "\r\x1b[2K1/2 checks, SM203 clean\r\x1b[2K2/2 checks, SM204 findings\n"


def test_no_name_and_no_message_steers_the_terminal() -> None:
    hostile = Outcome("SM203", "findings", (Finding("SM203", "a\n\x1b[2Jb.yaml", 1, "is \x9b31mred\r\nor\tnot", "f"),))

    text = as_text(replace(RESULT, problems=problems([hostile], CHECKS), accepted=()))

    assert r"a\n\x1b[2Jb.yaml:1: error SM203" in text
    assert "is \\x9b31mred\n" in text
    assert not set(text) & {"\x1b", "\x9b", "\r"}
