"""Patterns put together: order, refinements, and every incompatibility as a finding."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from standardized_modules.model.library import Library
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.compose import compose


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
