"""Every value decided: environment before common before default, then derived values and rules."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from standardized_modules.model.library import Library, Rule
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.python_packages import parse_lock
from standardized_modules.stages.compose import compose
from standardized_modules.stages.resolve import resolve
from tests.inline import MINIMAL_LIBRARY

PACKAGES = parse_lock({"packages": {}})


def resolved(spec: ServiceSpec, library: Library) -> ResolvedService:
    return resolve(compose(spec, library), library, PACKAGES)


def values(service: ResolvedService, path: str) -> dict[str, object]:
    return {each.name: {**each.parameters, **each.derived}[path] for each in service.environments}


def test_the_most_specific_value_wins(library: Library, spec: ServiceSpec) -> None:
    assert values(resolved(spec, library), "http.high") == {"dev": 5, "staging": 5, "prod": 8}
    common = replace(spec, values={"http.high": 6})
    assert values(resolved(common, library), "http.high") == {"dev": 6, "staging": 6, "prod": 6}
    own = replace(common, environment_values={"staging": {"http.high": 7}})
    assert values(resolved(own, library), "http.high") == {"dev": 6, "staging": 7, "prod": 6}


def test_derived_values_read_earlier_ones_and_carry_no_binary_noise(library: Library, spec: ServiceSpec) -> None:
    service = resolved(replace(spec, environment_values={"prod": {"http.low": 3}}), library)
    assert values(service, "http.twice") == {"dev": 2, "staging": 2, "prod": 6}
    assert values(service, "http.third") == {"dev": 0.666666667, "staging": 0.666666667, "prod": 2}
    assert isinstance(values(service, "http.third")["prod"], int)


def test_a_broken_rule_names_environment_values_reason_and_place(library: Library, spec: ServiceSpec) -> None:
    broken = replace(
        spec,
        values={"http.low": 6},
        environment_values={"dev": {"http.high": 9}},
        origins={"http.low": "sm.yaml:7"},
    )
    (finding,) = resolved(broken, library).findings
    assert finding.rule == "low-below-high"
    assert "does not hold in staging (http.low = 6, http.high = 5): the world would turn over" in finding.message
    assert finding.hint == "raise http.high"
    assert finding.where == "sm.yaml:7"


def test_findings_of_the_composition_stay(library: Library, spec: ServiceSpec) -> None:
    service = resolved(replace(spec, patterns=("jobs",), cloud="sea"), library)
    assert [each.rule for each in service.findings] == ["capability-unsupported"]


def test_namespaces_and_titles(library: Library, spec: ServiceSpec) -> None:
    service = resolved(spec, library)
    assert [each.namespace for each in service.environments] == ["orders-dev", "orders-staging", "orders-prod"]
    assert [each.title for each in service.environments] == ["Development", "Staging", "Production"]


def test_what_can_not_be_computed_is_a_finding(library: Library, spec: ServiceSpec) -> None:
    division = Rule(require="1 / (http.low - 1) > 0", because="b", instead="i")
    service = resolved(spec, replace(library, rules={"division": division}))
    assert [(each.rule, each.message) for each in service.findings] == [
        ("division", "division: '1 / (http.low - 1) > 0' divides by zero")
    ]
    wrong = resolved(replace(spec, values={"http.low": "many"}), library)
    assert {each.rule for each in wrong.findings} >= {"value-refused", "derived-fails"}


def test_a_choice_decides_what_a_table_of_the_cloud_says(library: Library, spec: ServiceSpec) -> None:
    jobs = replace(spec, patterns=("jobs",), environment_values={"prod": {"queue.tier": "high"}})
    assert values(resolved(jobs, library), "queue.speed") == {"dev": 8, "staging": 8, "prod": 80}
    deep = replace(jobs, values={"queue.depth": 9}, origins={"queue.depth": "sm.yaml:8", "queue.tier": "sm.yaml:9"})
    (finding,) = resolved(deep, library).findings
    assert finding.message.startswith(
        "queue.speed > queue.depth does not hold in dev, staging (queue.depth = 9, queue.speed = 8)"
    )
    assert finding.where == "sm.yaml:8"
    chosen = replace(deep, origins={"queue.tier": "sm.yaml:9"})
    assert resolved(chosen, library).findings[0].where == "sm.yaml:9", "where the choice was made"


def test_a_choice_that_is_none_breaks_no_further_rule(library: Library, spec: ServiceSpec) -> None:
    wrong = replace(spec, patterns=("jobs",), values={"queue.tier": "middle"})
    assert [each.rule for each in resolved(wrong, library).findings] == ["value-refused"]


def test_the_region_decides_what_a_table_of_the_cloud_says(library: Library, spec: ServiceSpec) -> None:
    jobs = replace(spec, patterns=("jobs",))
    assert values(resolved(jobs, library), "queue.reach") == {"dev": 5, "staging": 5, "prod": 5}
    low = replace(jobs, region="low-1", origins={"region": "sm.yaml:4"})
    assert values(resolved(low, library), "queue.reach") == {"dev": 2, "staging": 2, "prod": 2}
    rule = Rule(require="queue.reach > 4", because="nobody would hear it", instead="move")
    (finding,) = resolved(low, replace(library, rules={"near-enough": rule})).findings
    assert "does not hold in dev, staging, prod (queue.reach = 2): nobody" in finding.message
    assert finding.where == "sm.yaml:4", "where the region was chosen"


def test_a_rule_may_hold_in_one_environment_or_region_only(library: Library, spec: ServiceSpec) -> None:
    require = "service.environment != 'prod' or service.region != 'up-1' or http.high > 8"
    rule = Rule(require=require, because="production is high up", instead="climb")
    strict = replace(library, rules={"high-up": rule})
    (finding,) = resolved(spec, strict).findings
    assert "does not hold in prod (http.high = 8, service.region = 'up-1')" in finding.message
    assert resolved(replace(spec, region="up-2"), strict).findings == ()


def test_a_rule_shows_only_the_parameters_that_it_reads(library: Library, spec: ServiceSpec) -> None:
    longer = replace(library.parameters["http.low"], default=9)
    named_alike = replace(
        library,
        parameters={**library.parameters, "http.low": longer, "http.lo": longer},
        parameter_owner={**library.parameter_owner, "http.lo": "http"},
    )
    (finding,) = resolved(spec, named_alike).findings
    assert "http.lo =" not in finding.message


def test_base_parameters_belong_to_every_service(load_with: Callable[..., Library], spec: ServiceSpec) -> None:
    path = "library/infrastructure-patterns.yaml"
    definition = "{type: integer, default: 3, doc: D., reason: R.}"
    text = MINIMAL_LIBRARY[path].replace(
        "parameters:\n          http:\n",
        f"parameters:\n          base:\n            all.size: {definition}\n          http:\n",
        1,
    )
    library = load_with({path: text})
    assert values(resolved(spec, library), "all.size") == {"dev": 3, "staging": 3, "prod": 3}
    assert not resolved(replace(spec, values={"all.size": 4}), library).findings
