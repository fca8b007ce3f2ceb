"""What SM315 says of a dead-letter queue that is there, and of the wrong kind or too forgetful."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.terraform import dead_letters

GOOD = "\n".join(dead_letters.GOOD.values())
FIFO = '.fifo"\n  fifo_queue = true\n'
SQS = next(iter(dead_letters.GOOD))


def found(hcl: str) -> list[str]:
    return [finding.message for finding in dead_letters.check(Tree({SQS: hcl}))]


def ordered(hcl: str, *names: str) -> str:
    """Queues of these names as FIFO queues, which AWS asks to be called so."""
    for name in names:
        assert f'= "{name}"\n' in hcl
        hcl = hcl.replace(f'= "{name}"\n', f'= "{name}{FIFO}', 1)
    return hcl


def test_the_same_kind_is_right() -> None:
    assert found(GOOD) == []
    assert found(ordered(GOOD, "jobs", "jobs-dead")) == []


@pytest.mark.parametrize("name", ["jobs", "jobs-dead"])
def test_a_fifo_queue_needs_one_and_no_other_may_have_it(name: str) -> None:
    (message,) = found(ordered(GOOD, name))

    assert "one of it and aws_sqs_queue.dead is a FIFO queue, the other is not" in message


def test_dead_letters_are_kept_longer() -> None:
    (message,) = found(GOOD.replace("= 1209600", "= 86400"))

    assert "keeps messages for 86400 s, less than the 345600 s" in message


def test_the_one_that_it_allows_is_the_one_that_uses_it() -> None:
    assert "[aws_sqs_queue.jobs.arn]" in GOOD
    (message,) = found(GOOD.replace("[aws_sqs_queue.jobs.arn]", '["arn:aws:sqs:eu-west-1:111122223333:other"]'))

    assert "does not name aws_sqs_queue.jobs" in message
