"""Idempotency-Key: a client that got no answer may send a request again without doing it twice.

After draft-ietf-httpapi-idempotency-key-header: same key and same request, the stored answer again;
same key and another request, 422; while the first is still running, 409. Keys belong to a caller,
see caller.py: nobody is answered with what somebody else did.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Protocol
from uuid import uuid4

from fastapi import Header, Response

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the client, one for each intended change; a UUID is a good one.",
    ),
]

WORK_SECONDS = 60.0
"""Work is cancelled after this; the lease of its claim is longer, so that no retry overlaps it."""

_log = logging.getLogger(__name__)
_running: set[asyncio.Task["Stored"]] = set()  # The event loop itself holds tasks only weakly.


@dataclass(frozen=True)
class Stored:
    """An answer as it was given."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True)
class Claim:
    """The right to do the work of a key; the token tells it from a later claim to the same key."""

    key: str
    fingerprint: str
    token: str = field(default_factory=lambda: uuid4().hex)


class IdempotencyStore(Protocol):
    """Remembers keys. All replicas must share one, or a retry may meet one that knows nothing."""

    async def begin(self, key: str, fingerprint: str) -> Claim | Stored:
        """Claim a key, or return its answer; 422 for another fingerprint, 409 while it runs.

        A claim is a lease somewhat longer than WORK_SECONDS: it outlives a process that died.
        """
        ...

    async def complete(self, claim: Claim, answer: Stored) -> None:
        """Keep the answer, unless the key meanwhile belongs to another claim."""
        ...

    async def abandon(self, claim: Claim) -> None:
        """Give up the claim if it is still ours: the work failed and may be tried again."""
        ...


def fingerprint(*parts: bytes) -> str:
    """Tells requests apart: hash what makes them the same, such as the operation and the body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


async def once(
    store: IdempotencyStore,
    key: str | None,
    caller: str,
    request: str,
    work: Callable[[], Awaitable[Stored]],
) -> Response:
    """Do the work, or replay what it answered before; without a key, just do it.

    With a key the work has a task of its own. A timeout or a shutdown ends the waiting, not the
    work: stopped between its effect and the record of it, a retry would do it a second time.
    """
    if key is None:
        return _response(await work())
    found = await store.begin(fingerprint(caller.encode(), key.encode()), request)
    if isinstance(found, Stored):
        return _response(found, {"idempotency-replayed": "true"})
    task = asyncio.create_task(_finish(store, found, work))
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return _response(await asyncio.shield(task))
    except asyncio.CancelledError:
        task.add_done_callback(_report)
        raise


async def settle(seconds: float) -> None:
    """At shutdown: let work finish for which no request waits any more."""
    if _running:
        _, unfinished = await asyncio.wait(_running, timeout=seconds)
        if unfinished:
            _log.error("work cut off", extra={"tasks": len(unfinished)})


async def _finish(
    store: IdempotencyStore, claim: Claim, work: Callable[[], Awaitable[Stored]]
) -> Stored:
    limit = asyncio.timeout(WORK_SECONDS)
    try:
        async with limit:
            answer = await work()
    except Exception:
        # Cancelled work may have had its effect: its claim stays until the lease ends.
        if not limit.expired():
            await store.abandon(claim)
        raise
    await store.complete(claim, answer)
    return answer


def _report(task: asyncio.Task[Stored]) -> None:
    error = None if task.cancelled() else task.exception()
    outcome = "cancelled" if task.cancelled() else "failed" if error else "done"
    _log.warning("finished after its request had ended: %s", outcome, exc_info=error)


def _response(answer: Stored, extra: dict[str, str] | None = None) -> Response:
    headers = dict(answer.headers) | (extra or {})
    return Response(answer.body, answer.status, headers, answer.media_type)
