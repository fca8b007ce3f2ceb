"""Specs and libraries from text: every error names file, line, reason and the way out."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standardized_modules.engine import ROOT
from standardized_modules.errors import LibraryError, SpecError
from standardized_modules.model.library import Library
from standardized_modules.stages.load import load_library
from standardized_modules.stages.names import YAML_WORDS
from standardized_modules.stages.render import Renderer
from standardized_modules.stages.specs import MODELINE, load_spec, make_spec, parse_assignments
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
    assert spec.text == MODELINE + GOOD
    assert load_spec(spec.text, "sm.yaml", library).text == spec.text
    assert {key: spec.origin(key) for key in ("name", "cloud", "patterns[0]", "owner")} == {
        "name": "sm.yaml:2",
        "cloud": "sm.yaml:3",
        "patterns[0]": "sm.yaml:4",
        "owner": None,
    }


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
        ("low: 2", "low: true", 7, "expected an integer, got true", "from 1"),
        ("low: 2", "share: .nan", 7, "expected a number, got '.nan'", "Share."),
        ("low: 2", "open: 'yes'", 7, "expected a boolean", "Open."),
        ("low: 2", "zone: A B", 7, "does not match", "Zone."),
        ("high: 9, mode: slow", "mode: slo", 10, "not one of the choices", "fast, slow"),
        ("  prod:", "  prd:", 9, "'prd' is not an environment", "did you mean 'prod'?"),
        ("  http:\n    low: 2", "  http: 3", 6, "http: expected a mapping", "key: value"),
        ("low: 2", "low: 0:02", 7, "expected an integer, got '0:02'", "from 1"),
        ("low: 2", "low: 02", 7, "expected an integer, got '02'", "from 1"),
        ("low: 2", "low: 1_0", 7, "expected an integer, got '1_0'", "from 1"),
        ("low: 2", "low: 0x2", 7, "expected an integer, got '0x2'", "from 1"),
        ("low: 2", "low: " + "9" * 5000, 7, "too large a number", "quote it"),
        ("low: 2", "low: 0x" + "f" * 5000, 7, "expected an integer, got '0xf{1,60}…", "from 1"),
        ("low: 2", "open: yes", 7, "expected a boolean, got 'yes'", "Open."),
        ("version: 1", "version: true", 1, "version true is not known", "write 'version: 1'"),
        ("version: 1", "version: 1.0", 1, "version 1.0 is not known", "write 'version: 1'"),
        ("name: orders", "name: on", 2, "no text in YAML 1.1", "'on-service'"),
        ("name: orders", "name: orders\nowner: no", 3, "no text in YAML 1.1", "team-no"),
        ("name: orders", "name: orders\nowner: 123", 3, "expected `str", "JSON Schema"),
        ("name: orders", "name: orders\nowner: '123'", 3, "no text in YAML 1.1", "team-123"),
        ("  prod:\n    http: {high: 9, mode: slow}", "  5", 8, "expected a mapping", "key: value"),
        ("  prod:\n    http: {high: 9, mode: slow}", "  [5]", 8, "expected a mapping", "key: value"),
        ("  prod:\n    http: {high: 9, mode: slow}", "  [prod]", 8, "expected a mapping", "key: value"),
        ("  prod:\n    http: {high: 9, mode: slow}", "  prod: 5", 9, "prod: expected a mapping", "key: value"),
    ],
)
def test_spec_errors(library: Library, old: str, new: str, line: int, reason: str, hint: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError, match="(?s)" + reason) as caught:
        load_spec(GOOD.replace(old, new, 1), "sm.yaml", library)
    assert caught.value.where == f"sm.yaml:{line}"
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_everything_that_is_wrong_with_a_spec_is_told_at_once(library: Library) -> None:
    text = GOOD
    for old, new in (
        ("name: orders", "name: Orders\nowner: 12\nregoin: x"),
        ("[web]", "[wep]"),
        ("low: 2", "lwo: 2\n    high: ten"),
        ("  prod:\n", "  prd: {http: {lwo: 1}}\n  prod:\n"),
        ("mode: slow", "mode: slo"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(SpecError) as caught:
        load_spec(text, "sm.yaml", library)
    assert sorted(str(each.where) for each in caught.value.reasons) == sorted(
        f"sm.yaml:{line}" for line in (2, 3, 4, 6, 9, 10, 12, 14)
    )


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
        ("http.low=1_0", "expected an integer, got '1_0'"),
        ("http.low= 1", "expected an integer, got ' 1'"),
        ("http.low=null", "expected an integer, got 'null'"),
        ("http.open=TRUE", "expected a boolean, got 'TRUE'"),
    ],
)
def test_bad_assignments(library: Library, assignment: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        parse_assignments([assignment], library)
    assert caught.value.where == f"--set {assignment}"
    assert caught.value.hint


def test_a_wrong_environment_is_not_taken_for_a_wrong_parameter(library: Library) -> None:
    with pytest.raises(SpecError, match="'pord' is not an environment") as caught:
        parse_assignments(["pord.http.low=2", "http.low=0"], library)
    assert caught.value.hint == "did you mean 'prod'?"
    assert [each.where for each in caught.value.reasons] == ["--set pord.http.low=2", "--set http.low=0"]


Load = Callable[[Mapping[str, str]], Library]


SKY_QUEUE = "clouds/sky/capabilities/queue/capability.yaml"
QUEUE, HTTP = "library/capabilities/queue/capability.yaml", "library/capabilities/http/capability.yaml"


@pytest.mark.parametrize(
    ("path", "old", "new", "line", "reason"),
    [
        (PATTERNS, "version: 1\n        patterns", "version: 3\n        patterns", 1, "not a pattern file"),
        (PATTERNS, "version: 1\n        patterns", "version: true\n        patterns", 1, "not a pattern file"),
        (PATTERNS, "patterns:\n", "paterns:\n", 2, "unknown key 'paterns'"),
        (PATTERNS, "  web:", "  Web:", 3, "'Web' can't be a key here"),
        (PATTERNS, "summary: Serves.", "sumary: Serves.", 6, "unknown key 'sumary'"),
        (PATTERNS, "capabilities: [http]", "capabilities: [htp]", 9, "needs the capability 'htp'"),
        (PATTERNS, "cron: {because", "corn: {because", 20, "conflicts with 'corn', which is not a pattern"),
        (PATTERNS, "require: http.low <=", "require: http.lo <=", 47, "reads 'http.lo'"),
        (PATTERNS, "low-below-high:", "low below high:", 46, "'low below high' can't be a key here"),
        (PATTERNS, "http.low: {default: 2", "http.lw: {default: 2", 18, "refines 'http.lw'"),
        (PATTERNS, "http.low: {default: 2", "http.low: {default: 99", 18, "above the maximum of 9"),
        (PATTERNS, "http.low: {default: 2", "http.low: {default: two", 18, "expected an integer, got 'two'"),
        (PATTERNS, "http.low: {default: 2", "http.low: {maximum: 99", 18, "its maximum 99 is above .* 9"),
        (PATTERNS, "http.low: {default: 2", "http.low: {minimum: 0", 18, "its minimum 0 is below .* 1"),
        (PATTERNS, "http.low: {default: 2", "http.low: {minimum: 3", 18, "below the minimum of 3"),
        (PATTERNS, "http.low: {default: 2", "http.mode: {maximum: 2", 18, "is not a number"),
        (PATTERNS, "http.low: {default: 3", "queue.depth: {default: 3", 29, "none of its capabilities reads"),
        (PATTERNS, "default: 1, minimum: 1", "default: 0, minimum: 1", 32, "default of http.low"),
        (PATTERNS, "minimum: 1, maximum: 9", "minimum: 9, maximum: 1", 32, "minimum of http.low is above"),
        (PATTERNS, "choices: [fast, slow]", "choices: []", 39, "enum without choices"),
        (PATTERNS, 'pattern: "[a-z.]+"', 'pattern: "["', 42, "pattern of http.zone"),
        (PATTERNS, "http.zone:", "zone:", 42, "'zone' can't be a key here"),
        (PATTERNS, "  queue:\n", "  kueue:\n", 43, "'kueue' have no capability of that name"),
        (QUEUE, "[http]", "[htp]", 1, "requires 'htp'"),
        (QUEUE, "name: queue", "name: kueue", 1, "in a folder named"),
        (HTTP, "title: HTTP", "titel: HTTP", 2, "unknown key 'titel'"),
        (HTTP, "http.low * 2", "http.lo * 2", 6, "reads 'http.lo', which 'http' does not have"),
        (HTTP, "http.low * 2", "queue.depth * 2", 6, "reads 'queue.depth', which 'http' does not have"),
        (HTTP, "http.twice: {value", "http.high: {value", 6, "'http.high' is a parameter already"),
        (HTTP, "default: http.high", "default: http.hihg", 10, "process 'api' reads 'http.hihg'"),
        (HTTP, "default: http.high", "default: queue.depth", 10, "'queue.depth', which 'http' does not have"),
        (HTTP, "setting: APP_PORT", "setting: port", 10, "expected `str` matching regex"),
        (QUEUE, "requires: [http]", "requires: [http], processes: [{name: api}]", 1, "another process named 'api'"),
        (SKY_QUEUE, "engines: [sqs]", "engines: [squid]", 15, "'squid'"),
        ("clouds/sea/cloud.yaml", "implements: [http]", "implements: []", 5, "implement 'http' or say why"),
        ("clouds/sea/cloud.yaml", "implements: [http]", "implements: [htp]", 5, "no capability 'htp'"),
        ("clouds/sea/cloud.yaml", "name: sea", "name: see", 1, "in a folder named 'sea'"),
        (SKY_QUEUE, "python: {", "pyton: {", 1, "unknown key 'pyton'"),
        (SKY_QUEUE, "default: low", "default: 3", 3, "default of queue.tier"),
        (SKY_QUEUE, "queue.tier: {", "queue.depth: {", 3, "'queue.depth' is defined already"),
        (SKY_QUEUE, "queue.depth: {maximum", "http.low: {maximum", 5, "'http.low' is not a parameter of 'queue'"),
        (SKY_QUEUE, "maximum: 10", "maximum: 5", 5, "above the maximum of 5"),
        (SKY_QUEUE, "require: queue.depth", "require: queue.deep", 8, "reads 'queue.deep'"),
        (SKY_QUEUE, "deep-enough", "low-below-high", 8, "'low-below-high' is defined already"),
        (SKY_QUEUE, "  queue.tier:\n", "  queue.depth:\n", 17, "'queue.depth' is not an enum of 'queue'"),
        (SKY_QUEUE, "  queue.tier:\n", "  http.mode:\n", 17, "'http.mode' is not an enum of 'queue'"),
        (SKY_QUEUE, "queue.speed: {doc", "queue.depth: {doc", 18, "'queue.depth' is defined already"),
        (SKY_QUEUE, "values: {low: 8, high", "values: {low: 8, hihg", 18, "differ: high, hihg"),
        (SKY_QUEUE, "queue.speed >", "queue.sped >", 12, "reads 'queue.sped'"),
        (SKY_QUEUE, "queue.speed: {doc", "queue.speed: {otherwise: 1, doc", 18, "has a value for other choices"),
        (SKY_QUEUE, "otherwise: 5, ", "", 20, "says nothing of other regions"),
        (SKY_QUEUE, "{low-1: 2}", "{LOW: 2}", 20, "the regions of Sky differ: LOW"),
        (SKY_QUEUE, "queue.tier: {", "service.region: {", 3, "'service.region' is known of every service"),
    ],
)
def test_library_errors(load_with: Load, path: str, old: str, new: str, line: int, reason: str) -> None:
    assert old in MINIMAL_LIBRARY[path]
    with pytest.raises(LibraryError, match=reason) as caught:
        load_with({path: MINIMAL_LIBRARY[path].replace(old, new, 1)})
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.hint
    assert ("schema.json" in caught.value.hint) <= (path == PATTERNS)


def test_a_cloud_adds_to_what_it_implements_only(load_with: Load) -> None:
    unsupported = "[http]\n        unsupported: {queue: {because: A, instead: B}}"
    sky = MINIMAL_LIBRARY["clouds/sky/cloud.yaml"].replace("[http, queue]", unsupported)
    with pytest.raises(LibraryError, match="'sky' does not implement 'queue'") as caught:
        load_with({"clouds/sky/cloud.yaml": sky})
    assert caught.value.where == f"{SKY_QUEUE}:1"


def test_a_catalog_adds_a_pattern_and_replaces_none(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", MINIMAL_LIBRARY)
    entry = "{title: T, version: 1.0.0, summary: S., use_when: [a], avoid_when: [b], capabilities: [http]}"
    write_tree(tmp_path, {"ours.yaml": f"version: 1\npatterns:\n  ours: {entry}\n"})
    assert list(load_library(root, [tmp_path / "ours.yaml"]).patterns)[-1] == "ours"
    write_tree(tmp_path, {"bad.yaml": f"version: 1\npatterns:\n  web: {entry}\n"})
    with pytest.raises(LibraryError, match="'web' is defined already") as caught:
        load_library(root, [tmp_path / "bad.yaml"])
    assert caught.value.where == f"{tmp_path}/bad.yaml:3", "the path as it was given"
    with pytest.raises(LibraryError, match="can't be read"):
        load_library(root, [tmp_path / "absent.yaml"])


def test_only_a_regular_file_of_a_sensible_size_is_read(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", MINIMAL_LIBRARY)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(LibraryError, match="not a regular file"):
            load_library(root, [path])
    with (tmp_path / "large.yaml").open("wb") as large:
        large.truncate(2**40)
    with pytest.raises(LibraryError, match="larger than 1,048,576 bytes"):
        load_library(root, [tmp_path / "large.yaml"])


LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
SM_YAML = Renderer(ROOT)._environment.get_template("library/base/managed/sm.yaml.j2")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(sorted(YAML_WORDS)) | st.text(LETTERS, min_size=1, max_size=20),
    owner=st.sampled_from([*sorted(YAML_WORDS), "123", "0x1f", "1e5", "0o7", "2026-01-02", "1-2", "00", "1e"])
    | st.text(LETTERS, min_size=1, max_size=20),
)
def test_every_accepted_name_and_owner_comes_back_from_the_generated_spec(
    library: Library, name: str, owner: str
) -> None:
    fields: dict[str, Any] = {"patterns": ["web"], "cloud": "sky", "values": {}, "environment_values": {}}
    try:
        spec = make_spec(library, name=name, owner=owner, origins={}, **fields)
    except SpecError:
        return
    text = SM_YAML.render(service=spec, chosen={"common": {}, "environments": {}})
    again = load_spec(text, "sm.yaml", library)
    assert (again.name, again.owner) == (name, owner)
    for word in (name, owner):
        assert yaml.safe_load(f"a: {word}") == {"a": word}, "a manifest may write it without quotes"
