"""Gathers what there is to say about a pattern, a capability or a parameter, as plain data.

Resolves and renders an example service to do so; `reports.explanation` prints the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.errors import UsageError, near
from standardized_modules.expressions import names_in
from standardized_modules.model.library import BASE, ENVIRONMENTS, Library, Parameter, Pattern, Rule
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.stages.specs import find_cloud

EXAMPLE = "orders"
"""The name under which a pattern is resolved to show its files and values."""


def explain(engine: InfrastructurePatternEngine, subject: str, cloud: str | None) -> dict[str, Any]:
    """The explanation as data.

    Args:
        engine: For the library and for resolving an example.
        subject: A pattern, a capability or a parameter.
        cloud: Where to resolve it; the first cloud that implements it when absent.

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


def clouds_of(pattern: Pattern, library: Library) -> list[str]:
    """Clouds that implement every capability of the pattern and all that these require."""
    needed = {each.name for each in library.closure(pattern.capabilities)}
    return [cloud.name for cloud in library.clouds.values() if needed <= set(cloud.implements)]


def _pattern(engine: InfrastructurePatternEngine, name: str, cloud: str | None) -> dict[str, Any]:
    pattern = engine.library.patterns[name]
    service = _example(engine, name, cloud)
    return {
        "kind": "pattern",
        "name": name,
        "title": pattern.title,
        "version": pattern.version,
        "summary": pattern.summary,
        "use_when": list(pattern.use_when),
        "avoid_when": list(pattern.avoid_when),
        "capabilities": {each.name: each.summary for each in service.composition.capabilities},
        "rules": _rules(service.composition.rules),
        "parameters": _parameters(service.composition.parameters, service),
        **_on_cloud(engine, service, chosen=cloud is None),
    }


def _capability(engine: InfrastructurePatternEngine, name: str, cloud: str | None) -> dict[str, Any]:
    library, capability = engine.library, engine.library.capabilities[name]
    users = _patterns_with(name, library)
    every = library.parameters_of([name], cloud)
    parameters = {path: each for path, each in every.items() if library.parameter_owner[path] == name}
    service = _example(engine, users[0], cloud) if users else None
    document: dict[str, Any] = {
        "kind": "capability",
        "name": name,
        "title": capability.title,
        "summary": capability.summary,
        "purpose": capability.purpose,
        "requires": list(capability.requires),
        "patterns": users,
        "clouds": {
            each.name: "implemented" if name in each.implements else f"not available: {each.unsupported[name].because}"
            for each in library.clouds.values()
        },
        "derived": {
            path: {"value": each.value, "doc": each.doc, "unit": each.unit} for path, each in capability.derived.items()
        },
        "lookups": {each: _lookups(library, name, each) for each in ([cloud] if cloud else library.clouds)},
        "rules": _rules(_reading(parameters, library, cloud)),
        "parameters": _parameters(parameters, service if cloud else None),
    }
    if service is not None and not service.findings:
        tree = engine.render(service)
        document |= {
            "cloud": service.spec.cloud,
            "cloud_is_an_example": cloud is None,
            "files": [path for path, file in tree if f"/capabilities/{name}/" in f"/{file.origin}"],
        }
    return document


def _lookups(library: Library, capability: str, cloud: str) -> dict[str, dict[str, Any]]:
    return {
        path: {
            "by": chooser,
            "values": each.values | ({} if each.otherwise is None else {"otherwise": each.otherwise}),
            "doc": each.doc,
            "unit": each.unit,
            "source": each.source,
        }
        for path, (chooser, each) in library.lookups_on(cloud, [capability]).items()
    }


def _parameter_document(engine: InfrastructurePatternEngine, path: str, cloud: str | None) -> dict[str, Any]:
    library = engine.library
    owner = library.parameter_owner[path]
    users = list(library.patterns) if owner == BASE else _patterns_with(owner, library)
    service = _example(engine, users[0], cloud) if users and cloud and library.clouds_with(path, cloud) else None
    refined = {
        name: _parameter(path, library.parameters[path].refined(pattern.parameters[path]), None)
        for name, pattern in library.patterns.items()
        if path in pattern.parameters
    }
    return {
        "kind": "parameter",
        "name": path,
        "capability": owner,
        "clouds": library.clouds_with(path),
        **_parameter(path, library.parameters_of([owner], cloud).get(path, library.parameters[path]), service),
        "refined_by": refined,
        "rules": _rules(_reading([path], library, cloud)),
    }


def _patterns_with(capability: str, library: Library) -> list[str]:
    return [
        name
        for name, pattern in library.patterns.items()
        if capability in (each.name for each in library.closure(pattern.capabilities))
    ]


def _example(engine: InfrastructurePatternEngine, pattern: str, cloud: str | None) -> ResolvedService:
    library = engine.library
    fitting = clouds_of(library.patterns[pattern], library) or list(library.clouds)
    spec = engine.spec(EXAMPLE, patterns=[pattern], cloud=cloud or fitting[0])
    return engine.resolve(engine.compose(spec))


def _on_cloud(engine: InfrastructurePatternEngine, service: ResolvedService, *, chosen: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "cloud": service.spec.cloud,
        "cloud_is_an_example": chosen,
        "region": service.spec.region,
        "derived": {each.name: each.derived for each in service.environments},
        "findings": [{"rule": each.rule, "message": each.message, "hint": each.hint} for each in service.findings],
    }
    if not service.findings:
        result["files"] = [path for path, _ in engine.render(service)]
    return result


def _reading(paths: Iterable[str], library: Library, cloud: str | None) -> dict[str, Rule]:
    """The rules that read one of the parameters, on one cloud or on any."""
    wanted = set(paths)
    rules = {
        name: rule for each in ([cloud] if cloud else library.clouds) for name, rule in library.rules_on(each).items()
    }
    return {name: rule for name, rule in rules.items() if wanted & names_in(rule.require, name)}


def _rules(rules: Mapping[str, Rule]) -> dict[str, dict[str, str]]:
    return {
        name: {"require": rule.require, "because": rule.because, "instead": rule.instead, "source": rule.source}
        for name, rule in rules.items()
    }


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
