"""The files were generated from the values that sm.yaml has now."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.service._records import SPEC, lock_of, recorded
from standardized_modules.checks.service._spec import resolved
from standardized_modules.errors import SmError
from standardized_modules.model.library import Scalar
from standardized_modules.model.lock import Lock
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.stages.record import LOCK

ID = "SM504"
SEVERITY = "error"
READS = ("sm.yaml", ".sm/lock.json")
TITLE = "sm.yaml says one thing, the generated files another"
WHY = (
    "Whoever reads sm.yaml believes it. When a value was edited there and the service was not generated anew, the "
    "pods still run with the old one, and the next person who generates deploys a change that is not theirs."
)
SOURCE = "https://opengitops.dev/#principles"
FIX = "generate anew: sm create-microservice --spec sm.yaml --output-dir .. --force merges the new value in"
_SPEC = (
    "version: 1\nname: orders\npatterns: [web_api]\ncloud: aws\nregion: eu-west-1\nowner: team-orders\nparameters:\n"
)
BAD = recorded({}, parameters={"http.port": 8080}) | {SPEC: f"{_SPEC}  http: {{port: 8081}}\n"}
GOOD = recorded({}, parameters={"http.port": 8080}) | {SPEC: f"{_SPEC}  http: {{port: 8080}}\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings when both sides can be read; SM501 and SM502 say when not."""
    lock = lock_of(tree)
    if lock is None or SPEC not in tree:
        return
    service = resolved(tree)
    if isinstance(service, SmError):
        return
    for name, now, then in _differences(service, lock):
        line = line_of(tree[SPEC], name.rpartition(".")[2] + ":")
        path = SPEC if line else LOCK
        yield Finding(ID, path, line, f"{name} is {now!r} in {SPEC}, the files were generated with {then!r}", FIX)


def _differences(service: ResolvedService, lock: Lock) -> Iterator[tuple[str, Scalar, Scalar]]:
    spec = service.spec
    yield from _different("", {"cloud": spec.cloud, "region": spec.region, "owner": spec.owner}, {
        "cloud": lock.cloud, "region": lock.region, "owner": lock.owner
    })  # fmt: skip
    patterns = ", ".join(spec.patterns), ", ".join(lock.patterns)
    if set(spec.patterns) != set(lock.patterns):
        yield "patterns", *patterns
    yield from _different("", _own(service, lock, None), lock.parameters)
    for environment in service.environments:
        then = {**lock.parameters, **lock.environment_parameters.get(environment.name, {})}
        own = _own(service, lock, environment.name)
        changed_in_common = dict(_pairs(_different("", _own(service, lock, None), lock.parameters)))
        own = {path: value for path, value in own.items() if path not in changed_in_common}
        yield from _different(f"{environment.name}.", own, then)


def _own(service: ResolvedService, lock: Lock, environment: str | None) -> dict[str, Scalar]:
    """The values to compare. Another sm has other defaults, which only an upgrade brings: what is written then."""
    chosen = {each.name: each for each in service.environments}
    values = (chosen[environment] if environment else service.common).parameters
    if lock.tool == version("standardized-modules-framework"):
        return values
    written = {**service.spec.values, **(service.spec.environment_values.get(environment, {}) if environment else {})}
    return {path: value for path, value in values.items() if path in written}


def _pairs(differences: Iterator[tuple[str, Scalar, Scalar]]) -> Iterator[tuple[str, Scalar]]:
    return ((name, now) for name, now, _ in differences)


def _different(prefix: str, now: dict[str, Scalar], then: dict[str, Scalar]) -> Iterator[tuple[str, Scalar, Scalar]]:
    for path, value in now.items():
        if path in then and then[path] != value:
            yield f"{prefix}{path}", value, then[path]
