"""`sm explain`: what a pattern, a capability or a parameter is for, and what it amounts to."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.errors import UsageError
from standardized_modules.model.library import ENVIRONMENTS, Library, Parameter
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.stages.load import find_cloud, near

EXAMPLE = "orders"
"""The name under which a pattern is resolved to show its files and values."""
WIDTH = 88


def explain(engine: InfrastructurePatternEngine, subject: str, cloud: str | None) -> dict[str, Any]:
    """The explanation as data.

    Args:
        engine: For the library and for resolving an example.
        subject: A pattern, a capability or a parameter.
        cloud: Adds the resolved values and the files on that cloud.

    Raises:
        UsageError: when there is nothing of that name.
    """
    library = engine.library
    if cloud is not None:
        find_cloud(cloud, library)
    word = subject.replace("-", "_").lower()
    if word in library.patterns:
        return _pattern(engine, word, cloud)
    if word in library.capabilities:
        return _capability(engine, word, cloud)
    if word in library.parameters:
        return _parameter_document(engine, word, cloud)
    known = (*library.patterns, *library.capabilities, *library.parameters)
    raise UsageError(
        f"there is no pattern, capability or parameter {subject!r}",
        hint=near(word, known, "'sm patterns' lists the patterns; explain one to see the rest"),
    )


def _pattern(engine: InfrastructurePatternEngine, name: str, cloud: str | None) -> dict[str, Any]:
    library, pattern = engine.library, engine.library.patterns[name]
    service = _example(engine, name, cloud or _first_cloud(library))
    document: dict[str, Any] = {
        "kind": "pattern",
        "name": name,
        "title": pattern.title,
        "version": pattern.version,
        "summary": pattern.summary,
        "use_when": list(pattern.use_when),
        "avoid_when": list(pattern.avoid_when),
        "capabilities": {each.name: each.summary for each in service.composition.capabilities},
        "rules": {
            rule: {"require": library.rules[rule].require, "because": library.rules[rule].because}
            for rule in pattern.rules
        },
        "parameters": _parameters(service.composition.parameters, service if cloud else None),
    }
    if cloud:
        document |= _on_cloud(engine, service)
    return document


def _capability(engine: InfrastructurePatternEngine, name: str, cloud: str | None) -> dict[str, Any]:
    library, capability = engine.library, engine.library.capabilities[name]
    user = next((p for p, each in library.patterns.items() if name in each.capabilities), None)
    parameters = {
        path: each for path, each in library.parameters.items()
        if library.parameter_owner[path] == name
    }  # fmt: skip
    service = _example(engine, user, cloud) if user and cloud else None
    document: dict[str, Any] = {
        "kind": "capability",
        "name": name,
        "title": capability.title,
        "summary": capability.summary,
        "purpose": capability.purpose,
        "requires": list(capability.requires),
        "patterns": [p for p, each in library.patterns.items() if name in each.capabilities],
        "clouds": {
            each.name: "implemented" if name in each.implements else f"not available: {each.unsupported[name].because}"
            for each in library.clouds.values()
        },
        "derived": {
            path: {"value": each.value, "doc": each.doc, "unit": each.unit} for path, each in capability.derived.items()
        },
        "parameters": _parameters(parameters, service),
    }
    if service is not None and not service.findings:
        tree = engine.render(service)
        document["files"] = [path for path, file in tree if f"/capabilities/{name}/" in f"/{file.origin}"]
    return document


def _parameter_document(engine: InfrastructurePatternEngine, path: str, cloud: str | None) -> dict[str, Any]:
    library = engine.library
    owner = library.parameter_owner[path]
    user = next((p for p, each in library.patterns.items() if owner in each.capabilities), None)
    service = _example(engine, user, cloud) if user and cloud else None
    described = _parameters({path: library.parameters[path]}, service)[path]
    rules = {
        name: {"require": rule.require, "because": rule.because}
        for name, rule in library.rules.items()
        if path in rule.require
    }
    return {"kind": "parameter", "name": path, "capability": owner, **described, "rules": rules}


def _first_cloud(library: Library) -> str:
    return next(iter(library.clouds))


def _example(engine: InfrastructurePatternEngine, pattern: str, cloud: str) -> ResolvedService:
    spec = engine.spec(EXAMPLE, patterns=[pattern], cloud=cloud)
    return engine.resolve(engine.compose(spec))


def _on_cloud(engine: InfrastructurePatternEngine, service: ResolvedService) -> dict[str, Any]:
    result: dict[str, Any] = {
        "cloud": service.spec.cloud,
        "region": service.spec.region,
        "derived": {each.name: each.derived for each in service.environments},
        "findings": [{"rule": each.rule, "message": each.message, "hint": each.hint} for each in service.findings],
    }
    if not service.findings:
        result["files"] = [path for path, _ in engine.render(service)]
    return result


def _parameters(parameters: dict[str, Parameter], service: ResolvedService | None) -> dict[str, dict[str, Any]]:
    return {path: _parameter(path, each, service) for path, each in parameters.items()}


def _parameter(path: str, parameter: Parameter, service: ResolvedService | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": parameter.type,
        "unit": parameter.unit,
        "doc": parameter.doc,
        "default": parameter.default,
        "reason": parameter.reason,
        "defaults": {each: parameter.default_in(each) for each in ENVIRONMENTS},
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
        "source": parameter.source,
    }
    if service is not None:
        document["resolved"] = {each.name: each.parameters[path] for each in service.environments}
    return document


def as_json(document: dict[str, Any]) -> str:
    """The explanation for scripts."""
    return json.dumps(document, indent=2) + "\n"


def as_text(document: dict[str, Any]) -> str:
    """The explanation for people."""
    if document["kind"] == "parameter":
        lines = _parameter_lines(document["name"], document)
        lines += ["", f"Read by the capability {document['capability']}."]
        lines += _rule_lines(document["rules"])
        return "\n".join(lines) + "\n"
    version = f" {document['version']}" if "version" in document else ""
    lines = [f"{document['name']}{version}: {document['title']}", ""]
    lines += textwrap.wrap(document.get("purpose", document["summary"]), WIDTH)
    lines += _bullets("Use it when", document.get("use_when", ()))
    lines += _bullets("Use something else when", document.get("avoid_when", ()))
    lines += _table("Capabilities", document.get("capabilities"))
    lines += _table("Clouds", document.get("clouds"))
    lines += _bullets("Patterns", document.get("patterns", ()))
    lines += _rule_lines(document.get("rules", {}))
    if document["parameters"]:
        lines += ["", "Parameters"]
    for path, parameter in document["parameters"].items():
        lines += [f"  {line}" if line else "" for line in _parameter_lines(path, parameter)]
    lines += _findings(document.get("findings", ()))
    lines += _bullets("Generates", document.get("files", ()))
    return "\n".join(lines) + "\n"


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
    return ["", "Rules", *lines] if lines else []


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
    allowed = _allowed(parameter)
    lines = [f"{path} ({parameter['type']}{allowed}) = {shown}"]
    lines += _wrapped(parameter["doc"], "    ", first="    ")
    lines += _wrapped(f"Why: {parameter['reason']}", "    ", first="    ")
    return lines


def _allowed(parameter: dict[str, Any]) -> str:
    if parameter["choices"]:
        return ": " + ", ".join(map(str, parameter["choices"]))
    low, high = parameter["minimum"], parameter["maximum"]
    return f" {low:g}..{high:g}" if low is not None and high is not None else ""


def _wrapped(text: str, indent: str, first: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent)
