"""The expression language computes numbers and comparisons, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.errors import LibraryError
from standardized_modules.expressions import evaluate, names_in

VALUES = {"http.low": 2, "http.high": 5, "slo.share": 0.25, "ingress.exposure": "internal", "http.open": True}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("http.low + http.high * 2", 12),
        ("(http.high - http.low) / 2", 1.5),
        ("http.high // http.low", 2),
        ("http.high % http.low", 1),
        ("-http.low", -2),
        ("http.low < http.high <= 5", True),
        ("http.low > 1 and http.high > 9", False),
        ("http.low > 9 or not http.low == 3", True),
        ("ingress.exposure == 'internal'", True),
        ("ceil(http.high / http.low)", 3),
        ("max(http.low, http.high, 1)", 5),
        ("1 if http.open else 0", 1),
        ("round(slo.share * 10)", 2),
    ],
)
def test_values(expression: str, expected: object) -> None:
    assert evaluate(expression, VALUES, "here") == expected


NOT_OF_THE_LANGUAGE = [
    "__import__('os').system('true')", "http.low.__class__", "().__class__.__bases__", "open('/etc/passwd')",
    "[x for x in (1, 2)]", "lambda: 1", "http.low if", "unknown", "max", "http.low ** 2", "http.low << 2",
    "http.low in (1, 2)", "http.low in http.high", "http.low is 1", "~http.low", "+http.low", "None", "...", "b'x'",
    "1j", "max(http.low, key=1)", "max(*http.low)", "max(1)", "round()", "ceil(1, 2)", "f'{http.low}'", "(x := 3)",
    "http.low[0]", "{1: 2}", "1e16", "1e999", "1" * 501, "-" * 499 + "1", "",
]  # fmt: skip


@pytest.mark.parametrize("expression", NOT_OF_THE_LANGUAGE)
@pytest.mark.parametrize("reader", [names_in, lambda text, where: evaluate(text, VALUES, where)])
def test_one_whitelist_refuses_with_place_and_hint(reader: Callable[[str, str], object], expression: str) -> None:
    with pytest.raises(LibraryError) as caught:
        reader(expression, "patterns.yaml:7")
    assert caught.value.where == "patterns.yaml:7"
    assert "allowed" in caught.value.hint


@pytest.mark.parametrize(
    "expression",
    ["http.unknown > 1", "'a' * 99999999", "http.low / 0", "http.low % 0", "http.low > 'text'", "-ingress.exposure",
     "round(1, -100000000)", "round(1, 13)", "round(1, 0.5)", "1e15 * 2", "1e15 * 1e15 * 1e15"],
)  # fmt: skip
def test_what_depends_on_values_is_refused_when_evaluated(expression: str) -> None:
    names_in(expression, "here")
    with pytest.raises(LibraryError, match="here"):
        evaluate(expression, VALUES, "here")


atoms = st.sampled_from([*VALUES, "1", "0", "2.5", "True", "'internal'", "1e15", "http.unknown"])
hostile = st.sampled_from([*(each for each in NOT_OF_THE_LANGUAGE if each and len(each) < 40), "http.a", "__a__.b"])


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ("+", "-", "*", "/", "//", "%", "<", "==", "!=", "and", "or", "**", "in", "is", "<<", "@", "|")
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda each: f"({' '.join(each)})"),
        st.tuples(st.sampled_from(("-", "not ", "~", "+")), inner).map("".join),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} if {each[1]} else {each[2]})"),
        st.tuples(
            st.sampled_from(("min", "max", "round", "ceil", "abs", "eval", "getattr")), st.lists(inner, max_size=3)
        ).map(lambda each: f"{each[0]}({', '.join(each[1])})"),
        inner.map(lambda each: f"{each}.real"),
    )


@given(st.recursive(atoms | hostile, grow, max_leaves=12) | st.text(max_size=60))
def test_no_text_escapes(expression: str) -> None:
    """Whatever is written: a bounded number, a text of the expression or of a value, or a refusal."""
    try:
        result = evaluate(expression, VALUES, "here")
    except LibraryError:
        return
    assert type(result) in (bool, int, float, str)
    assert abs(result) <= 1e15 if not isinstance(result, str) else result in expression or result == "internal"
    names_in(expression, "here")


def test_names() -> None:
    assert names_in("http.low + max(http.high, 3) > slo.share", "x") == {
        "http.low",
        "http.high",
        "slo.share",
    }
