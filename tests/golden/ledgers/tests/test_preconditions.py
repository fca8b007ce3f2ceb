"""If-Match and If-None-Match, as RFC 9110 compares them."""

import pytest

from ledgers.preconditions import (
    check_match,
    entity_tag,
    is_known,
    required_match,
)
from ledgers.problems import ProblemError

TAG = entity_tag(1, 7)


def test_a_tag_changes_with_the_version_and_with_the_form() -> None:
    assert len({entity_tag(1, 7), entity_tag(1, 8), entity_tag(2, 7), entity_tag(11, 7)}) == 4
    assert entity_tag(1, 7) == '"1.7"'


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"1.7"', True),
        ('W/"1.7"', True),
        (' "a,b" ,\t"1.7"', True),
        ("*", True),
        ('"1.8"', False),
        ('"11.7"', False),
        ("1.7", False),
        ("", False),
        (None, False),
    ],
)
def test_what_a_client_has(header: str | None, *, known: bool) -> None:
    assert is_known(header, TAG) is known


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1.7"', 0),
        ('"a", "1.7"', 0),
        (" * ", 0),
        ('W/"1.7"', 412),
        ('"1.8"', 412),
        ('"1.8", W/"1.7"', 412),
        ('"x,\\"1.7"', 400),
        ("1.7", 400),
        ('"1.7', 400),
        ("*, *", 400),
        ("", 400),
        (None, 428),
    ],
)
def test_what_a_client_may_change(header: str | None, status: int) -> None:
    found = 0
    try:
        check_match(required_match(header), TAG)
    except ProblemError as problem:
        found = problem.status_code
    assert found == status
