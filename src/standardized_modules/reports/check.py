"""`sm explain SM203`: one check, with the samples that it is tested with."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from standardized_modules.checks import CheckInfo, index, load
from standardized_modules.errors import UsageError

ID = re.compile(r"SM\d{3}", re.IGNORECASE)
WIDTH = 88


def explain_check(subject: str) -> dict[str, Any]:
    """The explanation as data. Imports this one check only.

    Raises:
        UsageError: when there is no check of that id.
    """
    checks = {each.id: each for each in index()}
    info = checks.get(subject.upper())
    if info is None:
        raise UsageError(f"there is no check {subject.upper()}", hint=f"there are {', '.join(checks)}")
    return {
        "kind": "check",
        "name": info.id,
        "layer": info.layer,
        "severity": info.severity,
        "title": info.title,
        "why": info.why,
        "source": info.source,
        "fix": info.fix,
        "reads": list(info.reads),
        "tool": info.tool,
        "install": info.install,
        **_samples(info),
    }


def _samples(info: CheckInfo) -> dict[str, Any]:
    try:
        check = load(info)
    except ImportError as missing:
        note = (
            f"{missing.name} is not installed: pip install 'standardized-modules-framework[verify]' shows the samples"
        )
        return {"bad": {}, "good": {}, "note": note}
    return {"bad": _readable(check.BAD), "good": _readable(check.GOOD), "note": ""}


def _readable(sample: Mapping[str, str]) -> dict[str, str]:
    return {path: "(binary)\n" if "\0" in text else text for path, text in sample.items()}


def as_text(document: Mapping[str, Any]) -> str:
    """The explanation for people. Of the good sample, the files in which it differs."""
    lines = [f"{document['name']} ({document['severity']}, {document['layer']}): {document['title']}", ""]
    lines += textwrap.wrap(document["why"], WIDTH)
    lines += ["", *textwrap.wrap(f"Fix: {document['fix']}", WIDTH, subsequent_indent="     ")]
    lines.append(f"Source: {document['source']}")
    if document["tool"]:
        lines.append(f"Needs: {document['tool']} ({document['install']})")
    for key in ("bad", "good"):
        for path, text in document[key].items():
            if key == "bad" or text != document["bad"].get(path):
                lines += ["", f"{key.upper()}  {path}", textwrap.indent(text.rstrip(), "    ")]
    if document["note"]:
        lines += ["", document["note"]]
    return "\n".join(lines) + "\n"
