"""YAML in, data with lines out; what a configuration file has no use for is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.documents import MAXIMUM_BYTES, MAXIMUM_DEPTH, parse
from standardized_modules.errors import SpecError
from standardized_modules.model.library import Parameter

scalars = st.one_of(
    st.integers(-(10**6), 10**6),
    st.booleans(),
    st.none(),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=12),
)
documents = st.dictionaries(
    st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=6,
)


@given(documents)
def test_reads_what_pyyaml_writes(data: dict[str, object]) -> None:
    assert parse(yaml.safe_dump(data), "x.yaml", SpecError).data == data


@given(documents, st.data())
def test_every_key_knows_its_line(data: dict[str, object], draw: st.DataObject) -> None:
    text = yaml.safe_dump(data, default_flow_style=False, sort_keys=False)
    document = parse(text, "x.yaml", SpecError)
    for key in data:
        line = int(document.where((key,)).partition(":")[2])
        assert text.splitlines()[line - 1].lstrip("'\"").startswith(key)


@given(st.text(max_size=200))
def test_any_text_is_data_or_an_explained_error(text: str) -> None:
    try:
        parse(text, "x.yaml", SpecError)
    except SpecError as problem:
        explained = bool(problem.hint) and str(problem.where).startswith("x.yaml")
        assert explained, problem  # noqa: PT017 - any text may or may not be data


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [\n", 3, "not valid YAML"),
        ("a: 1\n b: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here a second time, first on line 1"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key must be a plain word"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: \x00\n", None, "not valid YAML"),
    ],
)
def test_refusals_name_line_and_reason(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        parse(text, "sm.yaml", SpecError)
    assert caught.value.hint
    if line is not None:
        assert caught.value.where == f"sm.yaml:{line}"


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    with pytest.raises(SpecError, match="anchors and aliases"):
        parse(bomb, "sm.yaml", SpecError)


def test_depth_and_size_are_bounded() -> None:
    deep = "".join(f"{'  ' * level}k:\n" for level in range(MAXIMUM_DEPTH + 2))
    with pytest.raises(SpecError, match="nested deeper"):
        parse(deep, "sm.yaml", SpecError)
    with pytest.raises(SpecError, match="larger than"):
        parse("#" * (MAXIMUM_BYTES + 1), "sm.yaml", SpecError)


def test_conversion_errors_name_the_offending_line() -> None:
    text = "type: integer\ndefault: 1\ndoc: Doc.\nreason: Why.\nminimun: 3\n"
    with pytest.raises(SpecError, match="unknown key 'minimun'") as caught:
        parse(text, "p.yaml", SpecError).convert(Parameter, SpecError)
    assert caught.value.where == "p.yaml:5"


@pytest.mark.parametrize(
    "text",
    ["1:00", "020000", "1_0", "0x10", "0o7", "+1", "yes", "on", "True", "NULL", ".inf", "1e5", "1.", "2026-01-02", "="],
)
def test_what_is_no_plain_number_or_word_stays_text(text: str) -> None:
    assert parse(f"a: {text}\n", "x.yaml", SpecError).data == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("-1", -1),
        ("0", 0),
        ("0.5", 0.5),
        ("1.0e-3", 0.001),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_plain_numbers_and_words(text: str, value: object) -> None:
    found = parse(f"a: {text}\n", "x.yaml", SpecError).data["a"]
    assert (found, type(found)) == (value, type(value))
