"""What `sm explain` prints."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from standardized_modules.model.library import BASE
from standardized_modules.stages.values import bounds_text, spelled

WIDTH = 88


def as_json(document: dict[str, Any]) -> str:
    """The explanation for scripts."""
    return json.dumps(document, indent=2) + "\n"


def as_text(document: dict[str, Any]) -> str:
    """The explanation for people."""
    if document["kind"] == "parameter":
        return "\n".join(_parameter_text(document)) + "\n"
    version = f" {document['version']}" if "version" in document else ""
    lines = [f"{document['name']}{version}: {document['title']}", ""]
    lines += textwrap.wrap(document.get("purpose", document["summary"]), WIDTH)
    lines += _bullets("Use it when", document.get("use_when", ()))
    lines += _bullets("Use something else when", document.get("avoid_when", ()))
    lines += _table("Capabilities", document.get("capabilities"))
    lines += _table("Clouds", document.get("clouds"))
    lines += _bullets("Patterns", document.get("patterns", ()))
    lines += _rule_lines(document["rules"])
    if document["parameters"]:
        lines += ["", "Parameters"]
    for path, parameter in document["parameters"].items():
        lines += [f"  {line}" if line else "" for line in _parameter_lines(path, parameter)]
    for cloud, lookups in document.get("lookups", {}).items():
        lines += _lookup_lines(cloud, lookups)
    lines += _findings(document.get("findings", ()))
    example = ", the first cloud that has it all" if document.get("cloud_is_an_example") else ""
    lines += _bullets(f"Generates on {document.get('cloud')}{example}", document.get("files", ()))
    return "\n".join(lines) + "\n"


def _parameter_text(document: dict[str, Any]) -> list[str]:
    owner = document["capability"]
    reader = "Read by every service." if owner == BASE else f"Read by the capability {owner}."
    lines = [*_parameter_lines(document["name"], document), "", reader]
    for pattern, refined in document["refined_by"].items():
        lines += ["", f"In {pattern}:", *(f"  {line}" for line in _parameter_lines(document["name"], refined))]
    return lines + _rule_lines(document["rules"])


def _bullets(title: str, items: Any) -> list[str]:
    lines = [line for each in items for line in _wrapped(f"- {each}", "    ")]
    return ["", title, *lines] if lines else []


def _table(title: str, rows: dict[str, str] | None) -> list[str]:
    if not rows:
        return []
    width = max(map(len, rows))
    return ["", title, *(f"  {name:<{width}}  {text}" for name, text in rows.items())]


def _rule_lines(rules: dict[str, dict[str, str]]) -> list[str]:
    lines: list[str] = []
    for name, rule in rules.items():
        lines.append(f"  {name}: {rule['require']}")
        lines += _wrapped(f"otherwise {rule['because']}", "    ", first="    ")
        lines += _source(rule)
    return ["", "Rules", *lines] if lines else []


def _lookup_lines(cloud: str, lookups: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["", f"What follows from a choice or from the region on {cloud}"] if lookups else []
    for path, lookup in lookups.items():
        unit = f" ({lookup['unit']})" if lookup["unit"] else ""
        lines += [f"  {path}, by {lookup['by']}{unit}", *_wrapped(lookup["doc"], "    ", first="    ")]
        table = ", ".join(f"{choice}: {spelled(value)}" for choice, value in lookup["values"].items())
        lines += _wrapped(table, "    ", "    ")
        lines += _source(lookup)
    return lines


def _findings(findings: Any) -> list[str]:
    lines: list[str] = []
    for each in findings:
        lines += [*_wrapped(f"- {each['message']}", "    "), f"    hint: {each['hint']}"]
    return ["", "Refused", *lines] if lines else []


def _parameter_lines(path: str, parameter: dict[str, Any]) -> list[str]:
    unit = f" {parameter['unit']}" if parameter["unit"] else ""
    values = parameter.get("resolved") or parameter["defaults"]
    distinct = set(map(str, values.values()))
    shown = (
        f"{next(iter(values.values()))}{unit}"
        if len(distinct) == 1
        else ", ".join(f"{name} {value}" for name, value in values.items()) + unit
    )
    lines = [f"{path} ({' '.join(filter(None, (parameter['type'], _allowed(parameter))))}) = {shown}"]
    lines += _wrapped(parameter["doc"], "    ", first="    ")
    lines += _wrapped(f"Why: {parameter['reason']}", "    ", first="    ")
    return lines + _source(parameter)


def _source(document: dict[str, Any]) -> list[str]:
    return [f"    Source: {document['source']}"] if document["source"] else []


def _allowed(parameter: dict[str, Any]) -> str:
    if parameter["choices"]:
        return f"of {', '.join(map(str, parameter['choices']))}"
    return bounds_text(parameter["minimum"], parameter["maximum"])


def _wrapped(text: str, indent: str, first: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent)
