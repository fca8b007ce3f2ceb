"""When to try again, and when to give up."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..settings import Settings
from .task import PermanentError, Task

Random = Callable[[], float]


def backoff(attempt: int, base: float, cap: float, rand: Random = random.random) -> float:
    """The wait after failed attempt number `attempt`: exponential, with full jitter.

    Anything between nothing and the exponential bound, so that what failed together does not come
    back together: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """
    # Beyond 2**32 the bound is the cap whatever the base is, and powers become too large to hold.
    return rand() * min(cap, base * 2.0 ** min(attempt - 1, 32))


@dataclass(frozen=True, slots=True)
class Policy:
    """A task's own rules where it has them, the service's where not."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    permanent: tuple[type[Exception], ...]

    @classmethod
    def of(cls, task: Task[Any], settings: Settings) -> "Policy":
        """The rules that hold for a task."""
        own = task.retry
        return cls(
            own.max_attempts or settings.worker_max_attempts,
            own.base_seconds or settings.worker_retry_base_seconds,
            own.cap_seconds or settings.worker_retry_cap_seconds,
            (PermanentError, *own.permanent),
        )

    @property
    def max_deliveries(self) -> int:
        """What a message gets, whether attempts failed or were cut off.

        Brokers count both. Deployments and nodes that go cut off as many as may fail, and the task
        is still tried; one that ends every process that has it is given up in the end.
        """
        return 2 * self.max_attempts

    def delay(self, attempt: int, rand: Random = random.random) -> float:
        """Seconds until the attempt after this one."""
        return backoff(attempt, self.base_seconds, self.cap_seconds, rand)


def beyond_the_broker(tasks: Iterable[Task[Any]], settings: Settings) -> list[str]:
    """What is wrong with tasks that want more attempts than the broker delivers a message."""
    most = settings.queue_max_deliveries
    wanted = {task.name: Policy.of(task, settings).max_attempts for task in tasks}
    return [
        f"{name} wants {attempts} attempts, and the broker sets a message aside after {most} "
        "deliveries: lower its max_attempts, or raise worker.max_attempts in sm.yaml"
        for name, attempts in wanted.items()
        if attempts > most
    ]
