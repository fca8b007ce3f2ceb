"""What every store of idempotency keys promises; see idempotency_keys.py."""

import asyncio
from uuid import uuid4

import pytest

from invoices.idempotency_keys import IdempotencyStore

LONG = 60.0


@pytest.fixture
def key() -> str:
    return f"contract/{uuid4()}"


async def test_one_of_many_gets_the_claim(store: IdempotencyStore, key: str) -> None:
    claims = await asyncio.gather(*(store.claim(key, str(number), LONG) for number in range(8)))
    assert sorted(claims) == ["busy"] * 7 + ["new"]


async def test_a_claim_is_renewed_by_its_owner(store: IdempotencyStore, key: str) -> None:
    assert await store.claim(key, "a", LONG) == "new"
    assert await store.claim(key, "a", LONG) == "new"
    assert await store.claim(key, "b", LONG) == "busy"


async def test_a_claim_ends_with_its_lease(store: IdempotencyStore, key: str) -> None:
    assert await store.claim(key, "a", 0.5) == "new"
    await asyncio.sleep(0.7)
    assert await store.claim(key, "b", LONG) == "new"
    assert await store.claim(key, "a", LONG) == "busy"


async def test_one_of_many_gets_what_another_let_go(store: IdempotencyStore, key: str) -> None:
    assert await store.claim(key, "dead", 0.5) == "new"
    await asyncio.sleep(0.7)
    claims = await asyncio.gather(*(store.claim(key, str(number), LONG) for number in range(8)))
    assert sorted(claims) == ["busy"] * 7 + ["new"]
    await store.finish(key, "dead")
    assert await store.claim(key, "late", LONG) == "busy"


async def test_what_is_finished_is_done_for_everybody(store: IdempotencyStore, key: str) -> None:
    await store.claim(key, "a", LONG)
    await store.finish(key, "a")
    assert [await store.claim(key, owner, LONG) for owner in "ab"] == ["done", "done"]
    await store.release(key, "a")
    assert await store.claim(key, "b", LONG) == "done"


async def test_what_is_released_is_free(store: IdempotencyStore, key: str) -> None:
    await store.claim(key, "a", LONG)
    await store.release(key, "a")
    assert await store.claim(key, "b", LONG) == "new"


async def test_who_lost_a_claim_changes_nothing(store: IdempotencyStore, key: str) -> None:
    await store.claim(key, "a", 0.1)
    await asyncio.sleep(0.2)
    assert await store.claim(key, "b", LONG) == "new"
    await store.release(key, "a")
    await store.finish(key, "a")
    assert await store.claim(key, "c", LONG) == "busy"


async def test_finishing_needs_no_claim(store: IdempotencyStore, key: str) -> None:
    """The claim may have been cleaned away while the handler took long."""
    await store.finish(key, "a")
    assert await store.claim(key, "b", LONG) == "done"


async def test_what_is_done_is_forgotten_in_time(store: IdempotencyStore, key: str) -> None:
    await store.claim(key, "a", LONG)
    await store.finish(key, "a")
    await asyncio.sleep(3.2)  # Kept for two seconds, counted in whole ones.
    assert await store.claim(key, "b", LONG) == "new"


@pytest.mark.parametrize("strange", ["/\\#?%\t' \N{SNOWMAN}", "k" * 3000])
async def test_any_text_can_be_a_key(store: IdempotencyStore, key: str, strange: str) -> None:
    first, second = strange + key, strange + key + "2"
    assert [await store.claim(each, "a", LONG) for each in (first, second)] == ["new", "new"]
    assert await store.claim(first, "b", LONG) == "busy"
