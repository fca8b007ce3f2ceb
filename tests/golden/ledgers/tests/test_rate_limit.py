"""The limiter's promise, and how clients are told."""

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ledgers.rate_limit.limiter import decide
from ledgers.rate_limit.memory import MemoryLimiter
from ledgers.settings import Settings
from tests.observing import sample
from tests.support import client_for, misbehaving


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_clients_are_told_what_is_left_and_when_to_come_back() -> None:
    settings = Settings(rate_limit_requests=2, rate_limit_window_seconds=3600)
    rejected = sample("rate_limit_rejections_total")
    async with client_for(settings, misbehaving) as client:
        answers = [await client.get("/v1/things/1") for _ in range(3)]
        assert (await client.get("/livez")).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    policies = {answer.headers["ratelimit-policy"] for answer in answers}
    assert policies == {'"default";q=2;w=3600'}
    assert [answer.headers["ratelimit"].split(";t=")[0] for answer in answers] == [
        '"default";r=1',
        '"default";r=0',
        '"default";r=0',
    ]
    refusal = answers[-1]
    assert int(refusal.headers["retry-after"]) >= 1
    assert refusal.headers["content-type"] == "application/problem+json"
    assert refusal.json()["violated-policies"] == ["default"]
    assert "strict-transport-security" in refusal.headers
    assert sample("rate_limit_rejections_total") == rejected + 1


async def test_clients_behind_the_load_balancer_do_not_share_a_limit() -> None:
    settings = Settings(rate_limit_requests=1, rate_limit_window_seconds=3600, trusted_proxy_hops=1)
    async with client_for(settings, misbehaving) as client:
        statuses = [
            (await client.get("/v1/things/1", headers={"x-forwarded-for": address})).status_code
            for address in ("203.0.113.1", "203.0.113.2", "1.1.1.1, 203.0.113.1")
        ]
    assert statuses == [200, 200, 429]


async def test_zero_means_no_limit() -> None:
    async with client_for(Settings(rate_limit_requests=0), misbehaving) as client:
        assert "ratelimit" not in (await client.get("/v1/things/1")).headers


async def test_a_refused_client_gets_in_when_it_was_told_to() -> None:
    clock = Clock()
    limiter = MemoryLimiter(5, 60, clock=clock)
    while (decision := await limiter.hit("a")).allowed:
        clock.now += 1
    clock.now += decision.retry_after
    assert (await limiter.hit("a")).allowed


@examples(max_examples=50, deadline=None)
@given(
    limit=st.integers(1, 20),
    start=st.floats(0, 60),
    steps=st.lists(st.floats(0, 40), min_size=1, max_size=60),
)
async def test_after_the_announced_silence_the_whole_quota_passes(
    limit: int, start: float, steps: list[float]
) -> None:
    clock = Clock()
    clock.now += start
    limiter = MemoryLimiter(limit, 60, clock=clock)
    decision = await limiter.hit("a")
    for step in steps:
        clock.now += step
        decision = await limiter.hit("a")
    assert decision.reset <= 120
    clock.now += decision.reset
    answers = [await limiter.hit("a") for _ in range(limit + 1)]
    assert [answer.allowed for answer in answers] == [True] * limit + [False]
    assert [answer.remaining for answer in answers[:limit]] == list(range(limit))[::-1]


@examples(max_examples=50, deadline=None)
@given(limit=st.integers(1, 20), steps=st.lists(st.floats(0, 40), min_size=1, max_size=60))
async def test_retry_after_is_as_long_as_needed(limit: int, steps: list[float]) -> None:
    clock = Clock()
    limiter = MemoryLimiter(limit, 60, clock=clock)
    decision = await limiter.hit("a")
    for step in steps:
        clock.now += step
        decision = await limiter.hit("a")
    clock.now += decision.retry_after
    assert (await limiter.hit("a")).allowed or decision.allowed


async def test_the_oldest_client_is_forgotten_when_there_are_too_many() -> None:
    limiter = MemoryLimiter(1, 60, max_clients=2, clock=Clock())
    for name in ("a", "b", "c"):
        assert (await limiter.hit(name)).allowed
    assert not (await limiter.hit("c")).allowed
    assert (await limiter.hit("a")).allowed


@examples(deadline=None)
@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=120),
)
async def test_no_fixed_window_ever_exceeds_the_limit(limit: int, steps: list[float]) -> None:
    clock = Clock()
    limiter = MemoryLimiter(limit, 60, clock=clock)
    allowed: dict[int, int] = {}
    decision = await limiter.hit("a")
    for step in steps:
        clock.now += step
        decision = await limiter.hit("a")
        assert decision.remaining >= 0
        assert decision.reset >= 1
        assert decision.retry_after >= 1 or decision.allowed
        window = int(clock.now // 60)
        allowed[window] = allowed.get(window, 0) + decision.allowed
    assert max(allowed.values()) <= limit


@examples(deadline=None)
@given(
    limit=st.integers(1, 1000),
    elapsed=st.floats(0, 59.9),
    current=st.integers(0, 1000),
    previous=st.integers(0, 1000),
)
def test_waiting_as_told_always_helps(
    limit: int, elapsed: float, current: int, previous: int
) -> None:
    current, previous = min(current, limit), min(previous, limit)
    decision = decide(limit, 60, elapsed, current, previous)
    if decision.allowed:
        return
    later = elapsed + decision.retry_after
    if later < 60:
        assert decide(limit, 60, later, current, previous).allowed
    else:
        # Beyond the next window nothing of this one counts.
        again = decide(limit, 60, min(later - 60, 59.999), 0, current)
        assert again.allowed or later >= 120


@pytest.mark.parametrize("previous", [0, 10])
def test_a_client_at_its_limit_is_refused(previous: int) -> None:
    assert not decide(10, 60, 0, 10, previous).allowed
