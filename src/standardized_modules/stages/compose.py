"""Takes a spec and the library. Returns a `Composition`.

Incompatibilities are collected as findings, all of them. Never raises for a combination.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import Capability, Library, Parameter, Pattern
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import check_limits


def compose(spec: ServiceSpec, library: Library) -> Composition:
    """Put the spec's patterns together.

    Args:
        spec: The service asked for.
        library: Where its patterns, capabilities and cloud are defined.
    """
    patterns = {name: library.patterns[name] for name in spec.patterns}
    cloud = library.clouds[spec.cloud]
    capabilities = _in_order(patterns, library)
    names = tuple(capability.name for capability in capabilities)
    findings = (
        *_conflicts(patterns),
        *_unsupported(names, spec, library),
        *_unread_values(names, spec, library),
        *check_limits(spec.name, (*library.names, *cloud.names), names, spec.origin("name")),
        *_disagreements(patterns, spec),
    )
    return Composition(
        spec=spec,
        patterns={name: pattern.version for name, pattern in patterns.items()},
        capabilities=capabilities,
        parameters=_parameters(patterns, names, library),
        rules={rule: library.rules[rule] for pattern in patterns.values() for rule in pattern.rules},
        cloud=cloud,
        findings=findings,
    )


def _in_order(patterns: dict[str, Pattern], library: Library) -> tuple[Capability, ...]:
    found: dict[str, Capability] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in found or name in above:
            return
        capability = library.capabilities[name]
        for required in capability.requires:
            add(required, (*above, name))
        found[name] = capability

    for pattern in patterns.values():
        for name in pattern.capabilities:
            add(name, ())
    return tuple(found.values())


def _parameters(patterns: dict[str, Pattern], capabilities: tuple[str, ...], library: Library) -> dict[str, Parameter]:
    result = {
        path: parameter
        for path, parameter in library.parameters.items()
        if library.parameter_owner[path] in capabilities
    }
    refined: set[str] = set()
    for pattern in patterns.values():
        for path, refinement in pattern.parameters.items():
            if path in refined or path not in result:
                continue
            refined.add(path)
            changes = {
                field: value
                for field in ("default", "environments", "minimum", "maximum", "reason")
                if (value := getattr(refinement, field)) is not UNSET
            }
            result[path] = replace(result[path], **changes)
    return result


def _conflicts(patterns: dict[str, Pattern]) -> Iterator[Finding]:
    for name, pattern in patterns.items():
        for other, conflict in pattern.conflicts.items():
            if other in patterns:
                yield Finding(
                    rule="patterns-conflict",
                    message=f"{name!r} and {other!r} can't share a service: {conflict.because}",
                    hint=conflict.instead,
                )


def _disagreements(patterns: dict[str, Pattern], spec: ServiceSpec) -> Iterator[Finding]:
    """Two patterns that want different defaults: the user must say which."""
    wanted: dict[str, tuple[str, object]] = {}
    for name, pattern in patterns.items():
        for path, refinement in pattern.parameters.items():
            mine = (refinement.default, refinement.environments)
            other, theirs = wanted.setdefault(path, (name, mine))
            if theirs != mine and path not in spec.values:
                yield Finding(
                    rule="defaults-disagree",
                    message=f"{other!r} and {name!r} want different defaults for {path!r}",
                    hint=f"decide with --set {path}=…",
                )


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
    scopes = [(None, spec.values), *spec.environment_values.items()]
    for environment, values in scopes:
        for path in values:
            owner = library.parameter_owner[path]
            if owner not in capabilities:
                yield Finding(
                    rule="parameter-unread",
                    message=f"{path!r} belongs to the capability {owner!r}, which "
                    f"{' + '.join(spec.patterns)} does not have",
                    hint="remove it, or add a pattern that has the capability",
                    where=spec.origin(path, environment),
                )
