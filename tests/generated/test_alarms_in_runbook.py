"""Every alarm of a cloud is in the runbook, which names no other. Those of Prometheus are a check's business."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

KEYED = re.compile(r'^ .*?"?\b([a-z][a-z-]*)"? +=>? \{\n(?:(?!.* =>? \{\n).*\n)*? +description += ', re.M)
"""An entry of a map from which alarms are made: its key ends their names."""
NAMED = re.compile(r'^ +(?:alarm_)?name +(?:= )"\$\{local\.name\}-([a-z-]+)"', re.M)
TABLE = re.compile(r"^\| (?:alarm|alert)\b.*\n\|[-|]+\n((?:\|.*\n)+)", re.M)
SENTENCE = re.compile(r"^`[\w-]+-ENVIRONMENT-([a-z-]+)` is", re.M)


def made(terraform: Path) -> set[str]:
    """How their names end, as Terraform makes them."""
    files = [*terraform.glob("*alarms.tf"), *terraform.glob("*alerts.tf")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    return {*KEYED.findall(text), *NAMED.findall(text)}


def explained(runbook: str) -> set[str]:
    """Those that have a row in a table, or a sentence of their own."""
    first_cells = [row.split("|")[1] for table in TABLE.findall(runbook) for row in table.splitlines()]
    named = re.findall(r"`(?:[\w-]+-ENVIRONMENT-)?([^`]+)`", " ".join(first_cells))
    return {*named, *SENTENCE.findall(runbook)}


def ends(names: set[str]) -> set[str]:
    """The names, and what is left of each when the table's heading says its first word."""
    return {*names, *(name.partition("-")[2] for name in names)}


@pytest.mark.parametrize("name", ["web_api", "worker", "worker on azure", "data_api", "data_api on azure"])
def test_each_alarm_has_a_row_and_each_row_an_alarm(service_folder: Callable[[str], Path], name: str) -> None:
    service = service_folder(name)
    alarms = made(service / "deploy" / "terraform")
    rows = explained((service / "docs" / "runbook.md").read_text(encoding="utf-8"))
    assert alarms
    assert [alarm for alarm in sorted(alarms) if not ends({alarm}) & rows] == []
    assert sorted(rows - ends(alarms)) == []
