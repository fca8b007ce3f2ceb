"""Doing things once, in one transaction with what is done."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import text

from ledgers.caller import caller
from ledgers.database import Database, Transaction, open_database
from ledgers.idempotency import Stored, fingerprint, once
from ledgers.problems import ProblemError
from ledgers.settings import Settings
from tests.databases import ScratchDatabase
from tests.support import client_for

SAME, OTHER = fingerprint(b"same"), fingerprint(b"other")


@pytest.fixture
async def work(database: ScratchDatabase) -> AsyncIterator["Work"]:
    """Work on a table of its own."""
    database.query("CREATE TABLE done (caller text); GRANT SELECT, INSERT ON done TO PUBLIC")
    async with open_database(Settings(**database.settings)) as opened:
        yield Work(opened, database)


class Work:
    """Writes a row each time it is done."""

    def __init__(self, opened: Database, scratch: ScratchDatabase) -> None:
        self.database = opened
        self.scratch = scratch

    async def do(
        self,
        key: str | None = "k",
        caller: str = "me",
        request: bytes = SAME,
        *,
        seconds: float = 0,
        fails: bool = False,
    ) -> Stored:
        """A request."""
        async with self.database.write("work") as tx:

            async def effect() -> Stored:
                await self._effect(tx, caller, seconds)
                if fails:
                    raise LookupError
                return Stored(201, self.done().encode(), (("location", "/x"),))

            return await once(tx, key, caller, request, effect)

    async def _effect(self, tx: Transaction, caller: str, seconds: float) -> None:
        await tx.session.execute(text("INSERT INTO done VALUES (:caller)"), {"caller": caller})
        await asyncio.sleep(seconds)

    def done(self) -> str:
        """How often it was done, by what is committed."""
        return self.scratch.query("SELECT count(*) FROM done")


async def test_a_repeated_request_gets_the_first_answer(work: Work) -> None:
    first, second = await work.do(), await work.do()
    assert work.done() == "1"
    assert (second.status, second.body, second.media_type) == (201, first.body, first.media_type)
    assert first.response().headers["location"] == "/x"
    assert "idempotency-replayed" not in first.response().headers
    assert second.response().headers["location"] == "/x"
    assert second.response().headers["idempotency-replayed"] == "true"


async def test_without_a_key_everything_is_done(work: Work) -> None:
    await work.do(None)
    await work.do(None)
    assert work.done() == "2"


async def test_a_key_belongs_to_one_request(work: Work) -> None:
    await work.do()
    with pytest.raises(ProblemError) as caught:
        await work.do(request=OTHER)
    assert caught.value.status_code == 422
    assert work.done() == "1"


async def test_keys_belong_to_their_caller(work: Work) -> None:
    await work.do(caller="me")
    await work.do(caller="you")
    assert work.done() == "2"


async def test_of_concurrent_requests_one_is_done_and_the_others_are_told_to_wait(
    work: Work,
) -> None:
    results = await asyncio.gather(
        *(work.do(seconds=0.3) for _ in range(4)), return_exceptions=True
    )
    conflicts = [r.status_code for r in results if isinstance(r, ProblemError)]
    assert work.done() == "1"
    assert conflicts == [409] * 3
    assert (await work.do()).body == b"0", "the answer of the one that was done"


async def test_what_failed_may_be_tried_again_at_once(work: Work) -> None:
    with pytest.raises(LookupError):
        await work.do(fails=True)
    assert work.done() == "0"
    await work.do()
    assert work.done() == "1"


async def test_a_request_that_was_cancelled_left_nothing(work: Work) -> None:
    task = asyncio.create_task(work.do(seconds=30))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await work.do()
    assert work.done() == "1"


async def test_a_session_that_dies_leaves_nothing(work: Work) -> None:
    task = asyncio.create_task(work.do(seconds=0.5))
    await asyncio.sleep(0.2)
    work.scratch.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle in transaction'"
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 whatever it is
        await task
    assert work.done() == "0"
    await work.do()
    assert work.done() == "1"


async def test_keys_are_forgotten_and_swept(work: Work) -> None:
    for number in range(5):
        await work.do(f"old {number}")
    work.scratch.query("UPDATE idempotency_keys SET expires_at = now() - interval '1 s'")
    await work.do("old 0")
    assert work.done() == "6", "done again: the key was too old"
    kept = "SELECT count(*) FILTER (WHERE expires_at > now()), count(*) FROM idempotency_keys"
    assert work.scratch.query(kept) == "1|3"
    await work.do("new")
    assert work.scratch.query(kept) == "2|2"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"authorization": "Bearer a"}, {"authorization": "Bearer b"}, False),
        ({"authorization": "Bearer a"}, {}, False),
        ({"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "203.0.113.2"}, False),
        ({"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "9.9.9.9, 203.0.113.1"}, True),
    ],
)
async def test_who_is_the_same_caller(
    one: dict[str, str], other: dict[str, str], *, same: bool
) -> None:
    seen = []

    def routes(app: FastAPI, _: Settings) -> None:
        @app.get("/me")
        async def me(request: Request) -> None:
            seen.append(caller(request))

    settings = Settings(trusted_proxy_hops=1, rate_limit_requests=0)
    async with client_for(settings, routes) as client:
        await client.get("/me", headers=one)
        await client.get("/me", headers=other)
    assert (seen[0] == seen[1]) == same
    assert "Bearer" not in "".join(seen)


def test_fingerprints_do_not_confuse_neighbours() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
