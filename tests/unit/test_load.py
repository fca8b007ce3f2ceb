"""Specs and libraries from text: every error names file, line, reason and the way out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from standardized_modules.errors import LibraryError, SpecError
from standardized_modules.model.library import Library
from standardized_modules.stages.load import load_library, load_spec, parse_assignments
from tests.inline import MINIMAL_LIBRARY, write_tree

GOOD = textwrap.dedent(
    """
    version: 1
    name: orders
    cloud: sky
    patterns: [web]
    parameters:
      http:
        low: 2
    environments:
      prod:
        http: {high: 9, mode: slow}
    """
).lstrip()
PATTERNS = "library/infrastructure-patterns.yaml"


def test_a_good_spec(library: Library) -> None:
    spec = load_spec(GOOD, "sm.yaml", library)
    assert (spec.name, spec.cloud, spec.region, spec.owner) == ("orders", "sky", "up-1", "team-orders")
    assert spec.values == {"http.low": 2}
    assert spec.environment_values == {"prod": {"http.high": 9, "http.mode": "slow"}}
    assert spec.origin("http.low", "prod") == "sm.yaml:7"
    assert spec.origin("http.high", "prod") == "sm.yaml:10"
    assert spec.text == GOOD


@pytest.mark.parametrize(
    ("old", "new", "line", "reason", "hint"),
    [
        ("version: 1", "version: 2", 1, "version 2 is not known", "write 'version: 1'"),
        ("name: orders", "nme: orders", 2, "unknown key 'nme'", "did you mean 'name'?"),
        ("name: orders", "name: Orders", 2, "not a service name", "'orders'"),
        ("name: orders", "name: 12", 2, "expected `str`", "JSON Schema"),
        ("cloud: sky", "cloud: skyy", 3, "no cloud 'skyy'", "did you mean 'sky'?"),
        ("cloud: sky", "cloud: mars", 3, "no cloud 'mars'", "choose one of: sea, sky"),
        ("cloud: sky\n", "", 1, "the key 'cloud' is missing", "add 'cloud"),
        ("[web]", "[wep]", 4, "no pattern 'wep'", "did you mean 'web'?"),
        ("[web]", "[]", 4, "at least one pattern", "sm patterns"),
        ("[web]", "[web, web]", 4, "named twice", "once"),
        ("[web]", "web", 4, "expected `array`", "JSON Schema"),
        ("low: 2", "lwo: 2", 7, "no parameter 'http.lwo'", "did you mean 'http.low'?"),
        ("low: 2", "low: ten", 7, "expected an integer, got 'ten'", "from 1 to 9 pods"),
        ("low: 2", "low: 0", 7, "0 pods is below the minimum of 1 pods", "from 1 to 9"),
        ("low: 2", "low: 10", 7, "10 pods is above the maximum of 9", "from 1 to 9"),
        ("low: 2", "low: true", 7, "expected an integer, got True", "from 1"),
        ("low: 2", "share: .nan", 7, "not a finite number", "Share."),
        ("low: 2", "open: 'yes'", 7, "expected a boolean", "Open."),
        ("low: 2", "zone: A B", 7, "does not match", "Zone."),
        ("high: 9, mode: slow", "mode: slo", 10, "not one of the choices", "fast, slow"),
        ("  prod:", "  prd:", 9, "'prd' is not an environment", "did you mean 'prod'?"),
        ("  http:\n    low: 2", "  http: 3", 6, "expected", "JSON Schema"),
    ],
)
def test_spec_errors(library: Library, old: str, new: str, line: int, reason: str, hint: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError, match="(?s)" + reason) as caught:
        load_spec(GOOD.replace(old, new, 1), "sm.yaml", library)
    assert caught.value.where == f"sm.yaml:{line}"
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_empty_spec_is_explained(library: Library) -> None:
    with pytest.raises(SpecError, match="'version' is missing"):
        load_spec("", "sm.yaml", library)
    with pytest.raises(SpecError, match="a spec is a mapping"):
        load_spec("- a\n", "sm.yaml", library)


@pytest.mark.parametrize(
    ("extra", "line", "reason"),
    [
        ("region: nowhere", 12, "does not look like a region of Sky"),
        ("owner: Team A", 12, "not a team's slug"),
        ('description: "a ${b}"', 12, "a description is one line"),
        ("description: " + "x" * 161, 12, "a description is one line"),
    ],
)
def test_texts_are_checked(library: Library, extra: str, line: int, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        load_spec(f"{GOOD}\n{extra}\n", "sm.yaml", library)
    assert caught.value.where == f"sm.yaml:{line}"


def test_assignments(library: Library) -> None:
    common, by_environment = parse_assignments(
        ["http.low=3", "http.open=true", "http.share=0.25", "http.mode=slow", "http.zone=b.example",
         "prod.http.high=7"],
        library,
    )  # fmt: skip
    assert common == {
        "http.low": 3,
        "http.open": True,
        "http.share": 0.25,
        "http.mode": "slow",
        "http.zone": "b.example",
    }
    assert by_environment == {"prod": {"http.high": 7}}


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("http.low", "not an assignment"),
        ("=3", "not an assignment"),
        ("low=3", "no parameter 'low'"),
        ("http.low=many", "expected an integer, got 'many'"),
        ("http.low=2.5", "expected an integer, got 2.5"),
        ("http.open=maybe", "expected a boolean"),
        ("prod.http.lwo=3", "no parameter 'http.lwo'"),
        ("http.low=", "expected an integer, got ''"),
    ],
)
def test_bad_assignments(library: Library, assignment: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        parse_assignments([assignment], library)
    assert caught.value.where == f"--set {assignment}"
    assert caught.value.hint


Load = Callable[[Mapping[str, str]], Library]


@pytest.mark.parametrize(
    ("path", "old", "new", "where", "reason"),
    [
        (PATTERNS, "version: 1\n        patterns", "version: 3\n        patterns", ":1", "not a pattern file"),
        (PATTERNS, "patterns:\n", "paterns:\n", ":2", "unknown key 'paterns'"),
        (PATTERNS, "summary: Serves.", "sumary: Serves.", ":6", "unknown key 'sumary'"),
        (PATTERNS, "capabilities: [http]", "capabilities: [htp]", "", "needs the capability 'htp'"),
        (PATTERNS, "rules: [low-below-high]", "rules: [high]", ":10", "names the rule 'high'"),
        (PATTERNS, "require: http.low <=", "require: http.lo <=", ":48", "reads 'http.lo'"),
        (PATTERNS, "http.low: {default: 2", "http.lw: {default: 2", ":19", "refines 'http.lw'"),
        (PATTERNS, "default: 1, minimum: 1", "default: 0, minimum: 1", ":33", "default of http.low"),
        (PATTERNS, "choices: [fast, slow]", "choices: []", ":40", "enum without choices"),
        (PATTERNS, 'pattern: "[a-z.]+"', 'pattern: "["', ":43", "pattern of http.zone"),
        ("library/capabilities/queue/capability.yaml", "[http]", "[htp]", "queue", "requires 'htp'"),
        ("library/capabilities/queue/capability.yaml", "name: queue", "name: kueue", "queue", "in a folder named"),
        ("clouds/sea/cloud.yaml", "implements: [http]", "implements: []", "sea", "implement 'http' or say why"),
    ],
)
def test_library_errors(load_with: Load, path: str, old: str, new: str, where: str, reason: str) -> None:
    assert old in MINIMAL_LIBRARY[path]
    with pytest.raises(LibraryError, match=reason) as caught:
        load_with({path: MINIMAL_LIBRARY[path].replace(old, new, 1)})
    assert where in str(caught.value.where)
    assert caught.value.hint


def test_a_catalog_adds_a_pattern_and_replaces_none(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", MINIMAL_LIBRARY)
    entry = "{title: T, version: 1.0.0, summary: S., use_when: [a], avoid_when: [b], capabilities: [http]}"
    write_tree(tmp_path, {"ours.yaml": f"version: 1\npatterns:\n  ours: {entry}\n"})
    assert list(load_library(root, [tmp_path / "ours.yaml"]).patterns)[-1] == "ours"
    write_tree(tmp_path, {"bad.yaml": f"version: 1\npatterns:\n  web: {entry}\n"})
    with pytest.raises(LibraryError, match="'web' is defined already") as caught:
        load_library(root, [tmp_path / "bad.yaml"])
    assert caught.value.where == "bad.yaml:3"
    with pytest.raises(LibraryError, match="can't be read"):
        load_library(root, [tmp_path / "absent.yaml"])
