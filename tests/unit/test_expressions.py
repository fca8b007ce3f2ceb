"""The expression language computes numbers and comparisons, and nothing else."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "http.low.__class__",
        "().__class__.__bases__",
        "open('/etc/passwd')",
        "[x for x in (1, 2)]",
        "lambda: 1",
        "http.low if",
        "http.unknown > 1",
        "unknown",
        "http.low ** 99999999",
        "http.low << 99999999",
        "'a' * 99999999",
        "http.low / 0",
        "http.low > 'text'",
        "http.low in (1, 2)",
        "max(http.low, key=1)",
        "f'{http.low}'",
        "(x := 3)",
        "1" * 501,
        "",
    ],
)
def test_everything_else_is_refused_with_place_and_hint(expression: str) -> None:
    with pytest.raises(LibraryError) as caught:
        evaluate(expression, VALUES, "patterns.yaml:7")
    assert caught.value.where == "patterns.yaml:7"
    assert "allowed" in caught.value.hint


@given(st.text(max_size=60))
def test_no_text_escapes(expression: str) -> None:
    try:
        result = evaluate(expression, VALUES, "here")
    except LibraryError:
        return
    assert isinstance(result, bool | int | float | str)


def test_names() -> None:
    assert names_in("http.low + max(http.high, 3) > slo.share", "x") == {
        "http.low",
        "http.high",
        "slo.share",
    }
