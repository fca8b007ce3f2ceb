"""--only and --skip."""

from __future__ import annotations

import pytest

from standardized_modules.checks import index
from standardized_modules.errors import UsageError
from standardized_modules.verification.selection import select

CHECKS = index()


def ids(only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> set[str]:
    return {check.id for check in select(CHECKS, only, skip)}


def test_everything_by_default() -> None:
    assert ids() == {check.id for check in CHECKS}


@pytest.mark.parametrize("word", ["SM2xx", "sm2", "kubernetes", "Kubernetes", "SM2XX"])
def test_groups_and_layers(word: str) -> None:
    assert ids(only=(word,)) == {check.id for check in CHECKS if check.layer == "kubernetes"}


def test_skip_wins() -> None:
    assert ids(only=("SM501", "SM502"), skip=("SM501",)) == {"SM502"}


def test_an_unknown_check_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        ids(only=("kubernets",))

    assert "did you mean kubernetes?" in error.value.hint


def test_nothing_left_is_refused() -> None:
    with pytest.raises(UsageError):
        ids(only=("SM501",), skip=("SM5xx",))
