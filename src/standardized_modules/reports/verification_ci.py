"""What `sm verify` found, for the pages of a CI system: SARIF and JUnit."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from standardized_modules import __version__
from standardized_modules.reports.verification import place
from standardized_modules.verification import Outcome, Problem, Verification

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
"""SARIF's words for our severities."""
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't hold, not even escaped: a tool's colours, for one."""


def as_sarif(result: Verification) -> str:
    """SARIF 2.1.0: what code hosts show beside the lines of a change."""
    rules = [
        {
            "id": check.id,
            "name": check.module.rpartition(".")[2],
            "shortDescription": {"text": check.title},
            "fullDescription": {"text": check.why},
            "helpUri": check.source,
            "help": {"text": f"{check.why}\n\nFix: {check.fix}\n\nMore: sm explain {check.id}"},
            "defaultConfiguration": {"level": LEVELS[check.severity]},
        }
        for check in result.checks
    ]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "sm verify",
                "version": __version__,
                "semanticVersion": __version__,
                "informationUri": "https://pypi.org/project/standardized-modules-framework/",
                "rules": rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            *(_sarif_result(each, index[each.check_id], accepted=False) for each in result.problems),
            *(_sarif_result(each, index[each.check_id], accepted=True) for each in result.accepted),
        ],
        "invocations": [
            {
                "executionSuccessful": not result.of("crashed"),
                "toolExecutionNotifications": [
                    *(_notification(each, "warning") for each in result.of("not run")),
                    *(_notification(each, "error") for each in result.of("crashed")),
                ],
            }
        ],
        "properties": {
            "suppressions": [
                {"tool": each.tool, "rule": each.rule, "place": place(each.path, each.line), "reason": each.reason}
                for each in result.suppressions
            ]
        },
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_result(problem: Problem, rule: int, *, accepted: bool) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.path)}}
    if problem.line:
        location["region"] = {"startLine": problem.line}
    result: dict[str, Any] = {
        "ruleId": problem.check_id,
        "ruleIndex": rule,
        "level": LEVELS[problem.severity],
        "message": {"text": f"{problem.message}\nFix: {problem.fix}"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"smFinding/v1": problem.fingerprint},
    }
    if accepted:
        result["suppressions"] = [{"kind": "external", "justification": "accepted by the baseline"}]
    return result


def _uri(path: str) -> str:
    return quote(path)


def _notification(outcome: Outcome, level: str) -> dict[str, Any]:
    text = f"{outcome.check_id} did not run: {outcome.reason.strip()}" + (f" ({outcome.hint})" if outcome.hint else "")
    return {"level": level, "message": {"text": text}, "associatedRule": {"id": outcome.check_id}}


def as_junit(result: Verification) -> str:
    """JUnit XML: a suite, a test case a check, a failure a check with findings."""
    titles = {check.id: check for check in result.checks}
    failing = {each.check_id for each in result.failing}
    suite = ElementTree.Element(
        "testsuite",
        name=f"sm verify {result.service}",
        tests=str(len(result.outcomes)),
        failures=str(len(failing)),
        errors=str(len(result.of("crashed"))),
        skipped=str(len(result.of("not run"))),
        time=f"{result.seconds:.3f}",
    )
    for outcome in result.outcomes:
        check = titles[outcome.check_id]
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"sm.{check.layer}",
            name=f"{check.id} {check.title}",
            time=f"{outcome.seconds:.3f}",
        )
        _junit_case(case, outcome, [each for each in result.problems if each.check_id == check.id])
    root = ElementTree.Element(
        "testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors", "time")}
    )
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _junit_case(case: ElementTree.Element, outcome: Outcome, problems: list[Problem]) -> None:
    if outcome.status == "not run":
        ElementTree.SubElement(case, "skipped", message=_xml(f"{outcome.reason}; {outcome.hint}"))
    elif outcome.status == "crashed":
        reason = outcome.reason.strip()
        ElementTree.SubElement(case, "error", message=_xml(reason.splitlines()[-1])).text = _xml(reason)
    elif problems:
        text = "\n".join(f"{place(each.path, each.line)}: {each.message}\nfix: {each.fix}" for each in problems)
        kind = "system-out" if problems[0].severity == "info" else "failure"
        attributes = (
            {} if kind == "system-out" else {"message": f"{len(problems)} findings", "type": problems[0].severity}
        )
        ElementTree.SubElement(case, kind, attributes).text = _xml(text)


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
