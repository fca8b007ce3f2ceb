"""Takes a composition. Returns a `ResolvedService`: every value decided.

Whatever needs thought is computed here, so that templates only print. Never reads a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.errors import LibraryError
from standardized_modules.expressions import evaluate
from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import ENVIRONMENTS, Library, Scalar
from standardized_modules.model.resolved import PythonLock, ResolvedEnvironment, ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.python_packages import PackageLock

TITLES = {"dev": "Development", "staging": "Staging", "prod": "Production"}


def resolve(composition: Composition, library: Library, packages: PackageLock) -> ResolvedService:
    """Decide every value, in common and in each environment, and check the rules.

    Args:
        composition: The service's capabilities and parameters.
        library: For versions and the names of capabilities that are not composed.
        packages: The locked Python packages.
    """
    spec = composition.spec
    environments = tuple(_environment(spec, composition, each) for each in ENVIRONMENTS)
    return ResolvedService(
        composition=composition,
        common=_environment(spec, composition, None),
        environments=environments,
        known_capabilities=tuple(library.capabilities),
        python=_python(composition, library, packages),
        versions=library.versions,
        findings=(*composition.findings, *_broken_rules(composition, environments)),
    )


def _environment(spec: ServiceSpec, composition: Composition, environment: str | None) -> ResolvedEnvironment:
    own = spec.environment_values.get(environment, {}) if environment else {}
    values: dict[str, Scalar] = {}
    for path, parameter in composition.parameters.items():
        default = parameter.default_in(environment) if environment else parameter.default
        values[path] = own.get(path, spec.values.get(path, default))
    name = environment or "common"
    return ResolvedEnvironment(
        name=name,
        title=TITLES.get(name, name),
        namespace=f"{spec.name}-{environment}" if environment else spec.name,
        host=_host(spec.name, environment, values),
        parameters=values,
        derived=_derived(composition, values),
    )


def _host(name: str, environment: str | None, values: dict[str, Scalar]) -> str:
    """Production has the plain name; the others stand below their environment's own zone."""
    domain = values.get("ingress.domain", "")
    if not domain:
        return ""
    return f"{name}.{domain}" if environment in (None, "prod") else f"{name}.{environment}.{domain}"


def _derived(composition: Composition, values: dict[str, Scalar]) -> dict[str, Scalar]:
    """Derived values in the order in which they are declared; a later one may read an earlier."""
    known = dict(values)
    derived: dict[str, Scalar] = {}
    for capability in composition.capabilities:
        for path, definition in capability.derived.items():
            where = f"{capability.name}/capability.yaml ({path})"
            if path in known:
                raise LibraryError(f"{path!r} exists already", hint="choose another name", where=where)
            derived[path] = known[path] = _tidy(evaluate(definition.value, known, where))
    return derived


def _tidy(value: Scalar) -> Scalar:
    """A float without binary noise: 0.1 + 0.2 is 0.3 in a manifest, and 6.0 is 6."""
    if not isinstance(value, float):
        return value
    rounded = round(value, 9)
    return int(rounded) if rounded.is_integer() else rounded


def _python(composition: Composition, library: Library, packages: PackageLock) -> PythonLock:
    owners = (library.base, *composition.capabilities)
    required = packages.select(
        [name for each in owners for name in each.python.runtime],
        [name for each in owners for name in each.python.dev],
    )
    return PythonLock(required.runtime, required.dev, required.runtime_lock, required.dev_lock)


def _broken_rules(composition: Composition, environments: tuple[ResolvedEnvironment, ...]) -> Iterator[Finding]:
    for identity, rule in composition.rules.items():
        broken = [each for each in environments if not evaluate(rule.require, each.parameters, f"rule {identity}")]
        if broken:
            names = ", ".join(each.name for each in broken)
            values = ", ".join(
                f"{path} = {value}" for path, value in broken[0].parameters.items() if path in rule.require
            )
            yield Finding(
                rule=identity,
                message=f"{rule.require} does not hold in {names} ({values}): {rule.because}",
                hint=rule.instead,
                where=_place(composition.spec, rule.require, broken),
            )


def _place(spec: ServiceSpec, require: str, broken: list[ResolvedEnvironment]) -> str | None:
    """The most specific place where the user wrote one of the rule's values."""
    for path in broken[0].parameters:
        if path in require:
            for each in broken:
                place = spec.origin(path, each.name)
                if place:
                    return place
    return None
