"""Takes a composition. Returns a `ResolvedService`: every value decided.

Whatever needs thought is computed here, so that templates only print. Never reads a file, and
never raises for a composition: what can't be computed is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from standardized_modules.errors import LibraryError
from standardized_modules.expressions import evaluate, names_in
from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import ENVIRONMENT, ENVIRONMENTS, REGION, Library, Scalar
from standardized_modules.model.resolved import PythonLock, ResolvedEnvironment, ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.python_packages import PackageLock
from standardized_modules.stages.values import shown

TITLES = {"dev": "Development", "staging": "Staging", "prod": "Production"}


def resolve(composition: Composition, library: Library, packages: PackageLock) -> ResolvedService:
    """Decide every value, in common and in each environment, and check the rules.

    Args:
        composition: The service's capabilities and parameters.
        library: For versions and the names of capabilities that are not composed.
        packages: The locked Python packages.
    """
    spec = composition.spec
    problems: dict[str, Finding] = {}
    environments = tuple(_environment(spec, composition, each, problems) for each in ENVIRONMENTS)
    return ResolvedService(
        composition=composition,
        common=_environment(spec, composition, None, problems),
        environments=environments,
        known_capabilities=tuple(library.capabilities),
        python=_python(composition, library, packages),
        versions=library.versions,
        findings=(*composition.findings, *problems.values(), *_broken_rules(composition, environments)),
    )


def _environment(
    spec: ServiceSpec, composition: Composition, environment: str | None, problems: dict[str, Finding]
) -> ResolvedEnvironment:
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
        derived=_derived(composition, values, problems),
    )


def _host(name: str, environment: str | None, values: dict[str, Scalar]) -> str:
    """Production has the plain name; the others stand below their environment's own zone."""
    domain = values.get("ingress.domain", "")
    if not domain:
        return ""
    return f"{name}.{domain}" if environment in (None, "prod") else f"{name}.{environment}.{domain}"


def _derived(composition: Composition, values: dict[str, Scalar], problems: dict[str, Finding]) -> dict[str, Scalar]:
    """What tables say, then derived values in the order of their declaration: a later one may read an earlier."""
    known = dict(values)
    derived: dict[str, Scalar] = {}
    for path, (chooser, lookup) in composition.lookups.items():
        choice = composition.spec.region if chooser == REGION else str(values[chooser])
        found = lookup.values.get(choice, lookup.otherwise)
        # A choice that is none is a finding already; nothing can be derived from it.
        if found is not None:
            derived[path] = known[path] = found
    for capability in composition.capabilities:
        for path, definition in capability.derived.items():
            try:
                derived[path] = known[path] = _tidy(evaluate(definition.value, known, path))
            except LibraryError as problem:
                problems.setdefault(path, _failure("derived-fails", path, problem))
    return derived


def _failure(rule: str, name: str, problem: LibraryError) -> Finding:
    return Finding(rule=rule, message=f"{name}: {problem.message}", hint="change the values that it reads")


def _tidy(value: Scalar) -> Scalar:
    """A float without binary noise: 0.1 + 0.2 is 0.3 in a manifest, and 6.0 is 6."""
    if not isinstance(value, float):
        return value
    rounded = round(value, 9)
    return int(rounded) if rounded.is_integer() else rounded


def _python(composition: Composition, library: Library, packages: PackageLock) -> PythonLock:
    own = library.implementations.get(composition.cloud.name, {})
    owners = [library.base.python, *(each.python for each in composition.capabilities)]
    owners += [own[name].python for name in composition.capability_names if name in own]
    required = packages.select(
        [name for each in owners for name in each.runtime],
        [name for each in owners for name in each.dev],
    )
    return PythonLock(required.runtime, required.dev, required.runtime_lock, required.dev_lock)


def _broken_rules(composition: Composition, environments: tuple[ResolvedEnvironment, ...]) -> Iterator[Finding]:
    for name, rule in composition.rules.items():
        reads = names_in(rule.require, f"rule {name}")
        values_of = {each.name: _values(each, composition.spec) for each in environments}
        if not all(reads <= values.keys() for values in values_of.values()):
            continue  # A value that it reads can't be derived from a wrong one, which is a finding already.
        try:
            broken = [each for each in environments if not evaluate(rule.require, values_of[each.name], f"rule {name}")]
        except LibraryError as problem:
            yield _failure(name, name, problem)
            continue
        if broken:
            known = values_of[broken[0].name]
            read = [path for path in known if path in reads and path != ENVIRONMENT]
            values = ", ".join(f"{path} = {shown(known[path])}" for path in read)
            yield Finding(
                rule=name,
                message=f"{rule.require} does not hold in {', '.join(each.name for each in broken)} "
                f"({values}): {rule.because}",
                hint=rule.instead,
                where=_place(composition, read, broken),
            )


def _values(environment: ResolvedEnvironment, spec: ServiceSpec) -> dict[str, Scalar]:
    """All that a rule may read."""
    facts: dict[str, Scalar] = {REGION: spec.region, ENVIRONMENT: environment.name}
    return {**environment.parameters, **environment.derived, **facts}


def _place(composition: Composition, read: list[str], broken: list[ResolvedEnvironment]) -> str | None:
    """The most specific place where the user wrote one of the values that a rule reads, or what they derive from."""
    written = ["region" if path == REGION else path for path in _inputs(composition, read)]
    places = (composition.spec.origin(path, each.name) for path in written for each in broken)
    return next((place for place in places if place), None)


def _inputs(composition: Composition, paths: Iterable[str]) -> Iterator[str]:
    definitions = {path: each for capability in composition.capabilities for path, each in capability.derived.items()}
    for path in paths:
        if path in composition.lookups:
            yield composition.lookups[path][0]
        elif path in definitions:
            yield from _inputs(composition, sorted(names_in(definitions[path].value, path) - {path}))
        else:
            yield path
