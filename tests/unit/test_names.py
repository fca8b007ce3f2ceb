"""Service names: one label that is a host name, a Kubernetes object and a Python package."""

from __future__ import annotations

import keyword
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.errors import SpecError
from standardized_modules.model.library import NameLimit
from standardized_modules.stages.names import YAML_WORDS, check_limits, check_service_name
from standardized_modules.stages.taken_names import PROJECT_FOLDERS, STANDARD_LIBRARY, locked_imports


@pytest.mark.parametrize("name", ["orders", "a", "order-events", "o2", "a-1-b", "x" * 63])
def test_good_names(name: str) -> None:
    check_service_name(name)


@pytest.mark.parametrize(
    ("name", "reason", "suggestion"),
    [
        ("Orders", "RFC 1123", "'orders'"),
        ("OrderEvents", "RFC 1123", "'order-events'"),
        ("order_events", "RFC 1123", "'order-events'"),
        ("order--events", "RFC 1123", "'order-events'"),
        ("-orders", "RFC 1123", "'orders'"),
        ("orders-", "RFC 1123", "'orders'"),
        ("1orders", "begins with a letter", "'orders'"),
        ("bücher", "RFC 1123", "'b-cher'"),
        ("", "RFC 1123", "'orders'"),
        ("../etc", "RFC 1123", "'etc'"),
        ("a/b", "RFC 1123", "'a-b'"),
        ("orders\n", "RFC 1123", "'orders'"),
        ("x" * 64, "64 characters, an RFC 1123 label at most 63", "'" + "x" * 20),
        ("class", "Python keyword", "'class-service'"),
        ("match", "Python keyword", "'match-service'"),
        *((word, "no text in YAML 1.1", f"'{word}-service'") for word in sorted(YAML_WORDS)),
        ("annotationlib", "standard library", "'annotationlib-service'"),
        ("hypothesis", "shadow a folder or a package", "'hypothesis-service'"),
        ("yaml", "shadow a folder or a package", "'yaml-service'"),
        ("google", "shadow a folder or a package", "'google-service'"),
        ("Class", "RFC 1123", "'class-service'"),
        ("TRUE", "RFC 1123", "'true-service'"),
        ("json", "standard library", "'json-service'"),
        ("email", "standard library", "'email-service'"),
        ("fastapi", "shadow a folder or a package", "'fastapi-service'"),
        ("tests", "shadow a folder or a package", "'tests-service'"),
    ],
)
def test_bad_names_say_why_and_what_instead(name: str, reason: str, suggestion: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        check_service_name(name, "sm.yaml:2")
    assert suggestion in caught.value.hint
    assert caught.value.where == "sm.yaml:2"


@given(st.text(max_size=70))
def test_what_passes_is_safe_everywhere(name: str) -> None:
    try:
        check_service_name(name)
    except SpecError:
        return
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name)
    package = name.replace("-", "_")
    assert package.isidentifier()
    assert not keyword.iskeyword(package)
    assert package not in sys.stdlib_module_names | PROJECT_FOLDERS | locked_imports()


WORDS = st.sampled_from(sorted({*keyword.kwlist, *YAML_WORDS, *STANDARD_LIBRARY, *locked_imports(), *PROJECT_FOLDERS}))


@given(
    st.text(max_size=70)
    | st.from_regex(r"[A-Za-z][A-Za-z0-9_ .-]{0,80}", fullmatch=True)
    | WORDS
    | WORDS.map(str.upper)
    | WORDS.map(lambda word: f"{word}-{word}" * 9)
)
def test_every_suggestion_passes(name: str) -> None:
    try:
        check_service_name(name)
    except SpecError as problem:
        check_service_name(problem.hint.removeprefix("try ").strip("'"))


def test_the_list_of_the_standard_library_holds_whatever_runs_us() -> None:
    assert {name for name in sys.stdlib_module_names if not name.startswith("_")} <= STANDARD_LIBRARY


LIMITS = [
    NameLimit("a load balancer", "{name}-{environment}", 32, "page A", capability="http_ingress"),
    NameLimit("a role", "{name}-{environment}", 64, "page B"),
]


def test_limits_name_resource_length_source_and_the_way_out() -> None:
    findings = list(check_limits("x" * 25, LIMITS, ["http_ingress"], "sm.yaml:3"))
    assert [each.rule for each in findings] == ["name-too-long"]
    assert "33 characters; a load balancer takes at most 32 (page A)" in findings[0].message
    assert findings[0].hint == "shorten the service's name by 1 to 24 characters"
    assert findings[0].where == "sm.yaml:3"


def test_a_name_may_be_too_short() -> None:
    repository = NameLimit("a repository", "{name}", 256, "page C", minimum=2)
    (finding,) = check_limits("a", [repository], [])
    assert finding.message == "'a' is too short; a repository takes at least 2 characters (page C)"
    assert not list(check_limits("ab", [repository], []))


def test_a_name_may_mean_something_else() -> None:
    database = NameLimit("a database", "{name}", 50, "page D", reserved="pg-.*|postgres")
    for name in ("postgres", "pg-x"):
        (finding,) = check_limits(name, [database], [])
        assert finding.rule == "name-reserved"
        assert f"{name!r} means something else as the name of a database (page D)" in finding.message
        check_service_name(suggested := finding.hint.removeprefix("try ").strip("'"))
        assert not list(check_limits(suggested, [database], []))
    assert not list(check_limits("postgres-api", [database], []))


def test_a_limit_counts_only_with_its_capability() -> None:
    assert list(check_limits("x" * 25, LIMITS, ["queue"])) == []
    assert list(check_limits("x" * 24, LIMITS, ["http_ingress"])) == []


@given(st.integers(1, 63))
def test_the_suggested_length_is_exactly_the_longest_that_fits(length: int) -> None:
    for finding in check_limits("x" * length, LIMITS, ["http_ingress"]):
        fits = int(finding.hint.split()[-2])
        resource = [each for each in LIMITS if each.resource in finding.message]
        assert not list(check_limits("x" * fits, resource, ["http_ingress"]))
        assert list(check_limits("x" * (fits + 1), resource, ["http_ingress"]))
