"""Patterns put together: order, refinements, and every incompatibility as a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from standardized_modules.model.library import (
    ENVIRONMENTS,
    EnvironmentDefaults,
    Library,
    ParameterRefinement,
    Rule,
)
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.compose import compose
from tests.inline import MINIMAL_LIBRARY


def test_required_capabilities_come_first_and_once(library: Library, spec: ServiceSpec) -> None:
    composition = compose(replace(spec, patterns=("jobs", "web")), library)
    assert composition.capability_names == ("http", "queue")
    assert composition.patterns == {"jobs": "2.1.0", "web": "1.0.0"}
    assert composition.findings == ()


def test_a_pattern_refines_a_default(library: Library, spec: ServiceSpec) -> None:
    composition = compose(replace(spec, patterns=("jobs",)), library)
    assert composition.parameters["http.low"].default == 2
    assert composition.parameters["http.low"].reason == "Two is company."
    assert composition.parameters["http.low"].maximum == 9


def with_refinements(library: Library, **refinements: ParameterRefinement) -> Library:
    patterns = dict(library.patterns)
    for name, refinement in refinements.items():
        patterns[name] = replace(patterns[name], parameters={"http.high": refinement})
    return replace(library, patterns=patterns)


def test_a_refined_default_holds_in_every_environment(library: Library, spec: ServiceSpec) -> None:
    refined = with_refinements(library, jobs=ParameterRefinement(reason="R.", default=6))
    parameter = compose(replace(spec, patterns=("jobs",)), refined).parameters["http.high"]
    assert [parameter.default_in(each) for each in ENVIRONMENTS] == [6, 6, 6]


def test_the_tightest_bounds_of_all_patterns_hold_for_values(library: Library, spec: ServiceSpec) -> None:
    refined = with_refinements(
        library,
        web=ParameterRefinement(reason="R.", maximum=20.0),
        jobs=ParameterRefinement(reason="R.", minimum=3.0, maximum=9.0),
    )
    both = replace(spec, patterns=("web", "jobs"))
    parameter = compose(both, refined).parameters["http.high"]
    assert (parameter.minimum, parameter.maximum) == (3, 9)
    high = replace(both, environment_values={"prod": {"http.high": 12}}, origins={"prod:http.high": "sm.yaml:9"})
    (finding,) = compose(high, refined).findings
    assert finding.message == "http.high: 12 is above the maximum of 9"
    assert "from 3 to 9" in finding.hint
    assert finding.where == "sm.yaml:9"


def test_bounds_that_exclude_the_default_together_are_a_finding(library: Library, spec: ServiceSpec) -> None:
    refined = with_refinements(library, web=ParameterRefinement(reason="R.", minimum=6.0))
    assert [each.rule for each in compose(spec, refined).findings] == ["default-refused"]
    assert compose(replace(spec, values={"http.high": 8}), refined).findings == ()


def test_a_disagreement_is_about_what_comes_out(library: Library, spec: ServiceSpec) -> None:
    same = with_refinements(
        library,
        web=ParameterRefinement(reason="R.", default=6),
        jobs=ParameterRefinement(reason="S.", environments=EnvironmentDefaults(dev=6, staging=6, prod=6)),
    )
    both = replace(spec, patterns=("web", "jobs"))
    assert compose(both, same).findings == ()
    other = with_refinements(same, jobs=ParameterRefinement(reason="S.", default=7))
    origin = replace(both, origins={"patterns[1]": "sm.yaml:5"})
    (finding,) = compose(origin, other).findings
    assert (finding.rule, finding.where) == ("defaults-disagree", "sm.yaml:5")
    decided = replace(both, environment_values={each: {"http.high": 8} for each in ENVIRONMENTS})
    assert compose(decided, other).findings == ()
    half = replace(both, environment_values={"prod": {"http.high": 8}})
    assert [each.rule for each in compose(half, other).findings] == ["defaults-disagree"]


def test_a_rule_holds_for_whatever_has_its_parameters(library: Library, spec: ServiceSpec) -> None:
    assert list(compose(spec, library).rules) == ["low-below-high"]
    foreign = replace(library, rules={"far": Rule(require="http.low < queue.depth", because="b", instead="i")})
    assert list(compose(spec, foreign).rules) == []
    assert list(compose(replace(spec, patterns=("jobs",)), foreign).rules) == ["far", "deep-enough", "fast-enough"]


def test_conflicting_patterns_say_why_and_what_instead(library: Library, spec: ServiceSpec) -> None:
    found = compose(replace(spec, patterns=("jobs", "cron")), library).findings
    assert [each.rule for each in found] == ["patterns-conflict", "defaults-disagree"]
    assert "can't share a service: both own the clock" in found[0].message
    assert found[0].hint == "make two services"
    assert found[1].hint == "decide with --set http.low=…"


def test_a_decided_default_is_no_disagreement(library: Library, spec: ServiceSpec) -> None:
    decided = replace(spec, patterns=("jobs", "cron"), values={"http.low": 4})
    assert [each.rule for each in compose(decided, library).findings] == ["patterns-conflict"]


def test_a_cloud_that_lacks_a_capability_says_why(library: Library, spec: ServiceSpec) -> None:
    at_sea = replace(spec, patterns=("jobs",), cloud="sea", origins={"cloud": "sm.yaml:3"})
    (finding,) = compose(at_sea, library).findings
    assert finding.message == "'queue' is not available on sea: water does not queue"
    assert finding.hint == "use the sky"
    assert finding.where == "sm.yaml:3"


def test_a_value_that_nothing_reads_is_a_finding(library: Library, spec: ServiceSpec) -> None:
    unread = replace(spec, environment_values={"prod": {"queue.depth": 9}}, origins={"prod:queue.depth": "sm.yaml:8"})
    (finding,) = compose(unread, library).findings
    assert finding.rule == "parameter-unread"
    assert finding.where == "sm.yaml:8"


def test_a_cloud_has_parameters_bounds_and_rules_of_its_own(
    load_with: Callable[[Mapping[str, str]], Library], spec: ServiceSpec
) -> None:
    library = load_with({"clouds/sea/cloud.yaml": MINIMAL_LIBRARY["clouds/sky/cloud.yaml"].replace("sky", "sea")})
    jobs = replace(spec, patterns=("jobs",), values={"queue.depth": 1}, origins={"queue.tier": "sm.yaml:9"})
    in_the_sky, at_sea = compose(jobs, library), compose(replace(jobs, cloud="sea"), library)
    assert in_the_sky.parameters["queue.depth"].maximum == 10
    assert at_sea.parameters["queue.depth"].maximum is None
    assert ("queue.tier" in in_the_sky.parameters, "queue.tier" in at_sea.parameters) == (True, False)
    assert ("deep-enough" in in_the_sky.rules, "deep-enough" in at_sea.rules) == (True, False)
    (finding,) = compose(replace(jobs, cloud="sea", values={"queue.tier": "high"}), library).findings
    assert (finding.rule, finding.where) == ("parameter-unread", "sm.yaml:9")
    assert finding.message == "'queue.tier' does not exist on sea"
    assert finding.hint == "remove it; it is a parameter of sky"


def test_a_name_too_long_for_a_resource_is_a_finding(library: Library, spec: ServiceSpec) -> None:
    (finding,) = compose(replace(spec, name="abcdefghijklmn"), library).findings
    assert "'abcdefghijklmn-staging' has 22 characters; a namespace takes at most 20" in finding.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.permutations(["web", "jobs", "cron"]), size=st.integers(1, 3), cloud=st.sampled_from(["sky", "sea"]))
def test_any_combination_composes_without_an_exception(
    library: Library, spec: ServiceSpec, patterns: list[str], size: int, cloud: str
) -> None:
    chosen = tuple(patterns[:size])
    composition = compose(replace(spec, patterns=chosen, cloud=cloud), library)
    names = composition.capability_names
    assert len(names) == len(set(names))
    for index, capability in enumerate(composition.capabilities):
        assert set(capability.requires) <= set(names[:index])
    assert all(each.message and each.hint for each in composition.findings)
    assert composition == compose(replace(spec, patterns=chosen, cloud=cloud), library)


def test_a_circle_of_requirements_ends(library: Library, spec: ServiceSpec) -> None:
    http = replace(library.capabilities["http"], requires=("queue",))
    circular = replace(library, capabilities={**library.capabilities, "http": http})
    assert set(compose(spec, circular).capability_names) == {"http", "queue"}


@pytest.mark.parametrize("name", ["web", "jobs", "cron"])
def test_every_parameter_belongs_to_a_composed_capability(library: Library, spec: ServiceSpec, name: str) -> None:
    composition = compose(replace(spec, patterns=(name,)), library)
    assert {library.parameter_owner[path] for path in composition.parameters} <= set(composition.capability_names)
