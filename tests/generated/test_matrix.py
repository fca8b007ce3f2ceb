"""Everything that `sm` can generate is clean: patterns, clouds, values and combinations.

Generated from the library: a pattern, a cloud or a parameter that is added takes part by itself.
Every service is rendered in memory, and every check that is cheap looks at it: about 3 s of CPU a
service, most of it Terraform. What a check found of the same files in another row is not asked again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct

from standardized_modules.checks import Tree, index, load
from standardized_modules.checks.suppressions import suppressions
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.expressions import names_in
from standardized_modules.model.composition import Composition
from standardized_modules.model.library import Parameter, Scalar
from standardized_modules.model.resolved import ResolvedService
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
    # Production is refused without it.
    "database.deletion_protection": (True,),
    # Development has a burstable one by default; on Azure production can't have one, for its replica.
    "database.size": ("2x8", "16x128"),
    # The smallest one holds no working set but the one of development.
    "cache.size": (1024, 24576),
}
"""Values of parameters that are not chosen by their bounds, and why."""
OF_TWO = ("database.", "cache.", "backup.")
"""Parameters that are tried small and large only: a row of a data_api costs twice as much as others, and there would
be 24 a cloud. With default values services are generated anyway."""
SCANNERS = frozenset(["SM227", "SM303", "SM540", "SM541"])
"""Seconds each: promtool, `terraform test`, checkov and trivy look at default values only, in tests of their own
and in test_every_combination_is_clean (but for checkov and trivy)."""
TESTED_BY_TERRAFORM = 1, len(ENGINE.library.patterns)
"""How many patterns combinations have whose own `terraform test` runs here, most of a minute each: one alone, where
nothing of others may be missing, and all, where nothing may be too much. Of those between, every other check looks at
the same Terraform: it is valid, applied to made-up infrastructure for each environment, and judged."""
SCANNER_SUPPRESSIONS, LINTER_SUPPRESSIONS = 45, 130
"""Of a service, and for each of its patterns. More means that somebody silences instead of repairing. Each of five
workloads of a data API has two: no limit of CPU, and an image that the deployment names by its digest. Two of three
lines for a linter are PromQL that is longer than a line, in the alerts of three environments."""
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
        ends = parameter.choices[0], parameter.choices[-1]
        return ends if path.startswith(OF_TWO) else tuple(dict.fromkeys((default, *ends)))
    if isinstance(default, str):
        return (default,)  # a pattern says what is allowed, not what is worth a try
    low, high = max(parameter.minimum or 0, default / 2), min(parameter.maximum or default * 2, default * 2)
    kind = int if parameter.type == "integer" else float
    tried = (kind(low), kind(high)) if path.startswith(OF_TWO) else (default, kind(low), kind(high))
    return tuple(dict.fromkeys(tried))


def factors_of(composition: Composition) -> dict[str, tuple[Scalar, ...]]:
    """Parameters with more than one value worth a try."""
    found = {path: candidates(path, parameter) for path, parameter in composition.parameters.items()}
    return {path: values for path, values in found.items() if len(values) > 1}


def parameters_behind(composition: Composition, names: Iterable[str]) -> Iterator[str]:
    """What decides values by these names: themselves, or what tables and derived values read."""
    derived = {path: each.value for capability in composition.capabilities for path, each in capability.derived.items()}
    for name in names:
        if name in composition.lookups:
            yield composition.lookups[name][0]
        elif name in derived:
            yield from parameters_behind(composition, names_in(derived[name], name))
        else:
            yield name


def resolve(composition: Composition, name: str, row: Iterable[tuple[str, Scalar]]) -> ResolvedService:
    """The service with these values. A default is not set, so that environments keep their own."""
    values = {path: value for path, value in row if value != composition.parameters[path].default}
    patterns, cloud = tuple(composition.patterns), composition.cloud.name
    return ENGINE.resolve(ENGINE.compose(ENGINE.spec(name, patterns=patterns, cloud=cloud, values=values)))


def pairwise(patterns: tuple[str, ...], cloud: str) -> tuple[list[Case], int]:
    """Cases that cover each pair of values that no pattern before it covers, and how many the rules forbid.

    Two parameters of capabilities that another pattern has as well are tried there: what they make is the same.
    """
    composition = compose(patterns, cloud)
    factors = factors_of(composition)

    def rule(name: str, require: str) -> Rule:
        def holds(row: Mapping[str, Any]) -> bool:
            return all(found.rule != name for found in resolve(composition, "orders", row.items()).findings)

        behind = parameters_behind(composition, names_in(require, name))
        return Rule(tuple(sorted(factors.keys() & set(behind))), holds)

    rules = [rule(name, each.require) for name, each in composition.rules.items()]
    before = itertools.takewhile(lambda each: each != patterns, (ids for ids, on in SINGLE if on == cloud))
    known = [factors_of(compose(each, cloud)) for each in before]
    covered = [{path for path in factors.keys() & each if set(factors[path]) == set(each[path])} for each in known]
    rows, impossible = cover({**factors, "name": names(patterns, cloud)}, rules, covered)
    cases = [
        Case(patterns, cloud, str(row["name"]), tuple(sorted((k, v) for k, v in row.items() if k != "name")))
        for row in rows
    ]
    return cases, len(impossible)


ALLOWED = tuple(combinations())
SINGLE = [ids for ids in ALLOWED if len(ids[0]) == 1]
DEFAULTS = [Case(patterns, cloud, "orders") for patterns, cloud in ALLOWED]
COVERED = {ids: pairwise(*ids) for ids in SINGLE}
PAIRWISE = [case for cases, _ in COVERED.values() for case in cases]


def generate(case: Case) -> Tree:
    """The service as `sm` would write it."""
    service = resolve(compose(case.patterns, case.cloud), case.name, case.values)
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
    without = {"SM540", "SM541"}
    if len(case.patterns) not in TESTED_BY_TERRAFORM:
        without.add("SM303")
    assert findings(generate(case), frozenset(without)) == []


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
