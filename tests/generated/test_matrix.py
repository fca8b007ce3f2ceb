"""Everything that `sm` can generate is clean: patterns, clouds, values and combinations.

Generated from the library: a pattern, a cloud or a parameter that is added takes part by itself.
Every service is rendered in memory, and every check that is cheap looks at it: about 3 s of CPU a
service, most of it Terraform. What a check found of the same files in another row is not asked again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct

from standardized_modules.checks import Tree, index, load
from standardized_modules.checks.suppressions import suppressions
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.expressions import evaluate, names_in
from standardized_modules.model.composition import Composition
from standardized_modules.model.library import ENVIRONMENTS, Parameter, Scalar
from tests.generated.judged import judged
from tests.generated.pairwise import Rule, cover

ENGINE = InfrastructurePatternEngine.load()
LONGEST = "o123456789-p123456789-q123456789-r123456"
"""As long as a service's name may be; resources of a cloud may take less."""
CHOSEN: Mapping[str, tuple[Scalar, ...]] = {
    # One pod in production is a finding on purpose: test_one_replica_in_production_is_found.
    "scaling.min_replicas": (2, 3, 4),
    # 10 is the least that its rule allows; half of the default would be forbidden with everything.
    "http.drain_delay": (15, 10, 30),
}
"""Values of parameters that are not chosen by their bounds, and why."""
SCANNERS = frozenset(["SM227", "SM303", "SM540", "SM541"])
"""Seconds each: promtool, `terraform test`, checkov and trivy look at default values only, in tests of their own
and in test_every_combination_is_clean (but for checkov and trivy)."""
SCANNER_SUPPRESSIONS, LINTER_SUPPRESSIONS = 30, 75
"""Of a service, and for each of its patterns. More means that somebody silences instead of repairing."""
LINTERS = frozenset({"ruff", "mypy", "yamllint"})


class Case(Struct, frozen=True):
    """One service to generate."""

    patterns: tuple[str, ...]
    cloud: str
    name: str
    values: tuple[tuple[str, Scalar], ...] = ()

    @property
    def id(self) -> str:
        """For pytest: short, and the same in every worker."""
        return f"{'+'.join(self.patterns)}-{self.cloud}-{self.name[:8]}"


def compose(patterns: tuple[str, ...], cloud: str, name: str = "orders") -> Composition:
    """The composition with default values."""
    return ENGINE.compose(ENGINE.spec(name, patterns=patterns, cloud=cloud))


def combinations() -> Iterator[tuple[tuple[str, ...], str]]:
    """Every combination of patterns on every cloud that the library allows."""
    names = tuple(ENGINE.library.patterns)
    for size in range(1, len(names) + 1):
        for patterns in itertools.combinations(names, size):
            for cloud in ENGINE.library.clouds:
                if not ENGINE.resolve(compose(patterns, cloud)).findings:
                    yield patterns, cloud


def names(patterns: tuple[str, ...], cloud: str) -> tuple[str, str, str]:
    """An ordinary name, the shortest and the longest that the combination accepts."""
    possible = [LONGEST[:size] for size in range(1, len(LONGEST) + 1) if LONGEST[size - 1] != "-"]
    accepted = [name for name in possible if not compose(patterns, cloud, name).findings]
    return "orders", accepted[0], accepted[-1]


def candidates(path: str, parameter: Parameter) -> tuple[Scalar, ...]:
    """The default, and a smaller and a larger value within the bounds; every choice when there are few."""
    if path in CHOSEN:
        return CHOSEN[path]
    default = parameter.default
    if isinstance(default, bool):
        return default, not default
    if parameter.choices:
        return tuple(dict.fromkeys((default, parameter.choices[0], parameter.choices[-1])))
    if isinstance(default, str):
        return (default,)  # a pattern says what is allowed, not what is worth a try
    low, high = max(parameter.minimum or 0, default / 2), min(parameter.maximum or default * 2, default * 2)
    kind = int if parameter.type == "integer" else float
    return tuple(dict.fromkeys((default, kind(low), kind(high))))


def pairwise(patterns: tuple[str, ...], cloud: str) -> tuple[list[Case], int]:
    """Cases that cover each pair of values, and the number of pairs that the rules forbid."""
    composition = compose(patterns, cloud)
    parameters = composition.parameters
    defaults = [{path: each.default_in(name) for path, each in parameters.items()} for name in ENVIRONMENTS]
    factors = {path: candidates(path, parameter) for path, parameter in parameters.items()}
    factors = {path: values for path, values in factors.items() if len(values) > 1}

    def rule(require: str) -> Rule:
        def holds(row: Mapping[str, Any]) -> bool:
            # A default is not set, so that environments keep their own.
            own = {path: value for path, value in row.items() if value != parameters[path].default}
            return all(evaluate(require, {**values, **own}, "matrix") for values in defaults)

        return Rule(tuple(sorted(names_in(require, "matrix") & factors.keys())), holds)

    rules = [rule(each.require) for each in composition.rules.values()]
    rows, impossible = cover({**factors, "name": names(patterns, cloud)}, rules)
    cases = [
        Case(patterns, cloud, str(row["name"]), tuple(sorted((k, v) for k, v in row.items() if k != "name")))
        for row in rows
    ]
    return cases, len(impossible)


ALLOWED = tuple(combinations())
DEFAULTS = [Case(patterns, cloud, "orders") for patterns, cloud in ALLOWED]
COVERED = {ids: pairwise(*ids) for ids in ALLOWED if len(ids[0]) == 1}
PAIRWISE = [case for cases, _ in COVERED.values() for case in cases]


def generate(case: Case) -> Tree:
    """The service as `sm` would write it."""
    parameters = compose(case.patterns, case.cloud).parameters
    values = {path: value for path, value in case.values if value != parameters[path].default}
    spec = ENGINE.spec(case.name, patterns=case.patterns, cloud=case.cloud, values=values)
    service = ENGINE.resolve(ENGINE.compose(spec))
    assert service.findings == ()
    return Tree({path: file.content.decode() for path, file in ENGINE.render(service) if not path.endswith(".tar")})


def findings(tree: Tree, without: frozenset[str]) -> list[str]:
    """What every check but those finds."""
    return [
        f"{found.check_id} {found.path}:{found.line}: {found.message}"
        for info in index()
        if info.id not in without and not info.id.startswith("SM50")  # SM50x: the records of sm itself, on disk
        for found in judged(info, tree)
    ]


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case.id)
def test_every_combination_is_clean(case: Case) -> None:
    assert findings(generate(case), frozenset(["SM540", "SM541"])) == []


@pytest.mark.parametrize("case", PAIRWISE, ids=lambda case: case.id)
def test_every_pair_of_values_is_clean(case: Case) -> None:
    assert findings(generate(case), SCANNERS) == []


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case.id)
def test_suppressions_are_few_and_have_a_reason(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    found = suppressions(generate(case))
    with capsys.disabled():
        print(f"\n{case.id}: {len(found)} suppressions", dict(sorted(Counter(each.tool for each in found).items())))

    of_linters = [each for each in found if each.tool in LINTERS]
    assert len(found) - len(of_linters) <= SCANNER_SUPPRESSIONS
    assert len(of_linters) <= LINTER_SUPPRESSIONS * len(case.patterns)
    assert [each for each in found if each.is_wildcard or not each.reason] == []


def test_every_pattern_and_every_cloud_takes_part(capsys: pytest.CaptureFixture[str]) -> None:
    forbidden = {ids: impossible for ids, (_, impossible) in COVERED.items()}
    with capsys.disabled():
        print(f"\nmatrix: {len(DEFAULTS)} combinations, {len(PAIRWISE)} rows of values")
        print(f"pairs of values that the rules forbid: {forbidden}")

    assert {pattern for patterns, _ in ALLOWED for pattern in patterns} == set(ENGINE.library.patterns)
    assert {cloud for _, cloud in ALLOWED} == {
        name for name, cloud in ENGINE.library.clouds.items() if cloud.implements
    }


def test_one_replica_in_production_is_found() -> None:
    case = Case(DEFAULTS[0].patterns, DEFAULTS[0].cloud, "orders", (("scaling.min_replicas", 1),))

    assert [finding.check_id for finding in load(_info("SM512")).check(generate(case))] == ["SM512"]


def _info(check_id: str) -> Any:
    return next(info for info in index() if info.id == check_id)
