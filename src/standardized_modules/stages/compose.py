"""Takes a spec and the library. Returns a `Composition`.

Incompatibilities are collected as findings, all of them. Never raises for a combination.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from msgspec.structs import replace

from standardized_modules.expressions import names_in
from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import (
    BASE,
    ENVIRONMENTS,
    FACTS,
    Library,
    Parameter,
    ParameterRefinement,
    Pattern,
    Rule,
    Scalar,
)
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import check_limits
from standardized_modules.stages.values import find_problem, hint_for


def compose(spec: ServiceSpec, library: Library) -> Composition:
    """Put the spec's patterns together.

    Args:
        spec: The service asked for.
        library: Where its patterns, capabilities and cloud are defined.
    """
    patterns = {name: library.patterns[name] for name in spec.patterns}
    cloud = library.clouds[spec.cloud]
    capabilities = library.closure(name for pattern in patterns.values() for name in pattern.capabilities)
    names = tuple(capability.name for capability in capabilities)
    parameters = _parameters(patterns, library.parameters_of(names, cloud.name))
    findings = (
        *_conflicts(patterns, spec),
        *_unsupported(names, spec, library),
        *_unread_values(names, spec, library),
        *check_limits(spec.name, (*library.names, *cloud.names), names, spec.origin("name")),
        *_disagreements(patterns, spec, library),
        *_bad_values(parameters, spec),
    )
    return Composition(
        spec=spec,
        patterns={name: pattern.version for name, pattern in patterns.items()},
        capabilities=capabilities,
        parameters=parameters,
        rules=_rules(library.rules_on(cloud.name), parameters.keys() | library.derived_names(names, cloud.name)),
        cloud=cloud,
        lookups=library.lookups_on(cloud.name, names),
        findings=findings,
    )


def _rules(rules: dict[str, Rule], values: Set[str]) -> dict[str, Rule]:
    """A rule holds for every service that has all the values that it reads."""
    known = values | FACTS
    return {name: rule for name, rule in rules.items() if names_in(rule.require, f"rule {name}") <= known}


def _parameters(patterns: dict[str, Pattern], own: dict[str, Parameter]) -> dict[str, Parameter]:
    refined = {}
    for path, parameter in own.items():
        refinements = [each.parameters[path] for each in patterns.values() if path in each.parameters]
        refined[path] = _combined(parameter, refinements) if refinements else parameter
    return refined


def _combined(parameter: Parameter, refinements: list[ParameterRefinement]) -> Parameter:
    """The first wish for a default (a second one is a finding), and the tightest of all bounds."""
    first = next((each for each in refinements if each.wants_default), refinements[0])
    each_alone = [parameter, *(parameter.refined(each) for each in refinements)]
    return replace(
        parameter.refined(first),
        minimum=max((each.minimum for each in each_alone if each.minimum is not None), default=None),
        maximum=min((each.maximum for each in each_alone if each.maximum is not None), default=None),
    )


def _conflicts(patterns: dict[str, Pattern], spec: ServiceSpec) -> Iterator[Finding]:
    for name, pattern in patterns.items():
        for other, conflict in pattern.conflicts.items():
            if other in patterns:
                yield Finding(
                    rule="patterns-conflict",
                    message=f"{name!r} and {other!r} can't share a service: {conflict.because}",
                    hint=conflict.instead,
                    where=_origin_of_pattern(spec, max((name, other), key=spec.patterns.index)),
                )


def _origin_of_pattern(spec: ServiceSpec, name: str) -> str | None:
    return spec.origin(f"patterns[{spec.patterns.index(name)}]")


def _disagreements(patterns: dict[str, Pattern], spec: ServiceSpec, library: Library) -> Iterator[Finding]:
    """Two patterns that want different defaults: the user must say which."""
    wanted: dict[str, tuple[str, tuple[Scalar, ...]]] = {}
    for name, pattern in patterns.items():
        for path, refinement in pattern.parameters.items():
            if not refinement.wants_default or _is_decided(path, spec):
                continue
            refined = library.parameters[path].refined(refinement)
            mine = tuple(refined.default_in(each) for each in ENVIRONMENTS)
            other, theirs = wanted.setdefault(path, (name, mine))
            if theirs != mine:
                yield Finding(
                    rule="defaults-disagree",
                    message=f"{other!r} and {name!r} want different defaults for {path!r}",
                    hint=f"decide with --set {path}=…",
                    where=_origin_of_pattern(spec, name),
                )


def _is_decided(path: str, spec: ServiceSpec) -> bool:
    """Whether the user chose a value, in common or for every environment."""
    return path in spec.values or all(path in spec.environment_values.get(each, {}) for each in ENVIRONMENTS)


def _bad_values(parameters: dict[str, Parameter], spec: ServiceSpec) -> Iterator[Finding]:
    """Values that the composed parameter, with its patterns' refinements, does not take."""
    for environment, values in _scopes(spec):
        for path, value in values.items():
            parameter = parameters.get(path)
            problem = find_problem(parameter, value) if parameter else None
            if parameter and problem:
                yield Finding(
                    rule="value-refused",
                    message=f"{path}: {problem}",
                    hint=hint_for(parameter),
                    where=spec.origin(path, environment),
                )
    for path, parameter in parameters.items():
        undecided = [each for each in ENVIRONMENTS if path not in {**spec.values, **_own(spec, each)}]
        problems = [find_problem(parameter, parameter.default_in(each)) for each in undecided]
        problem = next((each for each in problems if each), None)
        if problem:
            names = " and ".join(spec.patterns)
            yield Finding(
                rule="default-refused",
                message=f"the bounds of {names} together exclude the default of {path}: {problem}",
                hint=f"decide with --set {path}=…",
            )


def _own(spec: ServiceSpec, environment: str) -> dict[str, Scalar]:
    return spec.environment_values.get(environment, {})


def _scopes(spec: ServiceSpec) -> Iterable[tuple[str | None, dict[str, Scalar]]]:
    return [(None, spec.values), *spec.environment_values.items()]


def _unsupported(capabilities: tuple[str, ...], spec: ServiceSpec, library: Library) -> Iterator[Finding]:
    cloud = library.clouds[spec.cloud]
    for name in capabilities:
        reason = cloud.unsupported.get(name)
        if reason is not None:
            yield Finding(
                rule="capability-unsupported",
                message=f"{name!r} is not available on {cloud.name}: {reason.because}",
                hint=reason.instead,
                where=spec.origin("cloud"),
            )


def _unread_values(capabilities: tuple[str, ...], spec: ServiceSpec, library: Library) -> Iterator[Finding]:
    for environment, values in _scopes(spec):
        for path in values:
            owner = library.parameter_owner[path]
            if owner != BASE and owner not in capabilities:
                yield Finding(
                    rule="parameter-unread",
                    message=f"{path!r} belongs to the capability {owner!r}, which "
                    f"{' + '.join(spec.patterns)} does not have",
                    hint="remove it, or add a pattern that has the capability",
                    where=spec.origin(path, environment),
                )
            elif not library.clouds_with(path, spec.cloud):
                yield Finding(
                    rule="parameter-unread",
                    message=f"{path!r} does not exist on {spec.cloud}",
                    hint=f"remove it; it is a parameter of {', '.join(library.clouds_with(path))}",
                    where=spec.origin(path, environment),
                )
