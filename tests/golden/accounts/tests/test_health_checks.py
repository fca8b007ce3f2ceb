"""The registry of checks behind readiness."""

import asyncio

import pytest

from accounts.health import HealthChecks


async def _works() -> None:
    return None


async def test_many_probes_are_one_check() -> None:
    runs = 0

    async def count() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)

    checks = HealthChecks()
    checks.add("counted", count)
    reports = await asyncio.gather(*(checks.report() for _ in range(20)))
    assert runs == 1
    assert all(report.healthy for report in reports)


async def test_a_recovered_dependency_is_seen_after_the_memory_expires() -> None:
    broken = True

    async def flaky() -> None:
        if broken:
            raise ConnectionError

    checks = HealthChecks(remember_seconds=0)
    checks.add("flaky", flaky)
    assert not (await checks.report()).healthy
    broken = False
    assert (await checks.report()).healthy


def test_two_checks_cannot_share_a_name() -> None:
    checks = HealthChecks()
    checks.add("database", _works)
    with pytest.raises(ValueError, match="database"):
        checks.add("database", _works)
