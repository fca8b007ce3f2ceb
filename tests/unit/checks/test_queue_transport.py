"""What SM316 takes for a policy that refuses calls without TLS."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.terraform import queue_transport

PATH, GOOD = next(iter(queue_transport.GOOD.items()))


def found(old: str = "", new: str = "") -> int:
    assert old in GOOD
    return len(list(queue_transport.check(Tree({**queue_transport.GOOD, PATH: GOOD.replace(old, new)}))))


def test_the_queue_itself_or_all() -> None:
    assert found() == 0
    assert found("= aws_sqs_queue.jobs.arn", '= "*"') == 0
    assert found("= aws_sqs_queue.jobs.arn", '= ["*"]') == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("= aws_sqs_queue.jobs.arn", '= "arn:aws:sqs:eu-west-1:111122223333:other"'),
        ('= "sqs:*"', '= "sqs:SendMessage"'),
        ('= "*"\n      Action', '= { AWS = "arn:aws:iam::111122223333:root" }\n      Action'),
        ('= "false"', '= "true"'),
    ],
    ids=["another queue", "one action", "one account", "turned round"],
)
def test_less_than_everything_is_not_enough(old: str, new: str) -> None:
    assert found(old, new) == 1
