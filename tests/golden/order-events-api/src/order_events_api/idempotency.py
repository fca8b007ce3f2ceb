"""Idempotency-Key: a client that got no answer may send a request again without doing it twice.

After draft-ietf-httpapi-idempotency-key-header: same key and same request, the stored answer again;
same key and another request, 422; while the first is still running, 409.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

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


@dataclass(frozen=True)
class Stored:
    """An answer as it was given."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"


class IdempotencyStore(Protocol):
    """Remembers keys. All replicas must share one, or a retry may meet one that knows nothing."""

    async def begin(self, key: str, fingerprint: str) -> Stored | None:
        """Claim a key, or return its answer; 422 for another fingerprint, 409 while it runs."""
        ...

    async def complete(self, key: str, answer: Stored) -> None:
        """Keep the answer under a claimed key."""
        ...

    async def abandon(self, key: str) -> None:
        """Give up the claim: the work failed and may be tried again."""
        ...


def fingerprint(*parts: bytes) -> str:
    """Tells requests apart: hash what makes them the same, such as the operation and the body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


async def once(
    store: IdempotencyStore, key: str | None, request: str, work: Callable[[], Awaitable[Stored]]
) -> Response:
    """Do the work, or replay what it answered before; without a key, just do it."""
    answer = await store.begin(key, request) if key else None
    replayed = answer is not None
    if answer is None:
        try:
            answer = await work()
        except BaseException:  # Cancelled counts too: nothing was answered.
            if key:
                await store.abandon(key)
            raise
        if key:
            await store.complete(key, answer)
    headers = dict(answer.headers) | ({"idempotency-replayed": "true"} if replayed else {})
    return Response(answer.body, answer.status, headers, answer.media_type)
