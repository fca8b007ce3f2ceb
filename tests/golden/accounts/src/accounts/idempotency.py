"""Idempotency-Key: a client that got no answer may send a request again without doing it twice.

After draft-ietf-httpapi-idempotency-key-header: same key and same request, the stored answer again;
same key and another request, 422; while the first is still running, 409. Keys belong to a caller,
see caller.py: nobody is answered with what somebody else did.

Key and answer are written by the transaction that does the work, so there is never one without the
other. A process that dies leaves nothing behind: its work has not happened, and the next request
with the key does it. That holds for work on the database; what has an effect elsewhere, such as a
message or a payment, belongs into a table first, and from there to its destination.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Header, Response
from sqlalchemy import DateTime, SmallInteger, Text, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from .database import Transaction
from .database.models import Base
from .problems import ProblemError

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

KEEP = timedelta(hours=24)
"""Clients try again within minutes; a day also covers one that was switched off over night."""

SWEEP = 2
"""Expired keys that each new one takes with it: more than one, so that there are ever fewer."""


class IdempotencyKeyRow(Base):
    """A request that was done, and how it was answered."""

    __tablename__ = "idempotency_keys"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[list[list[str]]] = mapped_column(JSONB)
    media_type: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


@dataclass(frozen=True)
class Stored:
    """An answer as it was given."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"

    def response(self) -> Response:
        """The answer for the client."""
        return Response(self.body, self.status, dict(self.headers), self.media_type)


def fingerprint(*parts: bytes) -> bytes:
    """Tells requests apart: hash what makes them the same, such as the operation and the body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


async def once(
    tx: Transaction,
    key: str | None,
    caller: str,
    request: bytes,
    work: Callable[[], Awaitable[Stored]],
) -> Stored:
    """Do the work in this transaction, or return its answer of before; without a key, just do it.

    Who comes while the work is being done is told so at once. To wait for it would hold a
    connection for each retry, and clients retry most when the service is slow.
    """
    if key is None:
        return await work()
    digest = fingerprint(caller.encode(), key.encode())
    await _claim(tx, digest)
    done = await _done(tx, digest)
    if done is None:
        answer = await work()
        await _keep(tx, digest, request, answer)
        return answer
    if done.request != request:
        raise ProblemError(422, "This Idempotency-Key was used for a different request.")
    headers = tuple((name, value) for name, value in done.headers)
    answer = Stored(done.status, done.body, headers, done.media_type)
    return replace(answer, headers=(*headers, ("idempotency-replayed", "true")))


async def _claim(tx: Transaction, digest: bytes) -> None:
    """Take a lock that ends with the transaction: nothing stays in the session for a pooler's next.

    Of 256 bits it takes 64; keys that share those are told to come back, and no more.
    """
    lock = int.from_bytes(digest[:8], signed=True)
    if not await tx.session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        detail = "A request with this Idempotency-Key is running."
        raise ProblemError(409, detail, headers={"retry-after": "1"})


async def _done(tx: Transaction, digest: bytes) -> IdempotencyKeyRow | None:
    row = IdempotencyKeyRow
    found = select(row).where(row.key == digest, row.expires_at > func.now())
    return (await tx.session.scalars(found)).one_or_none()


async def _keep(tx: Transaction, digest: bytes, request: bytes, answer: Stored) -> None:
    row = IdempotencyKeyRow
    old = (
        select(row.key)
        .where(row.expires_at <= func.now(), row.key != digest)
        .order_by(row.expires_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    )
    values = {
        "request": request,
        "status": answer.status,
        "headers": [list(header) for header in answer.headers],
        "media_type": answer.media_type,
        "body": answer.body,
        "expires_at": func.now() + KEEP,
    }
    keep = insert(row).values(key=digest, **values)
    keep = keep.on_conflict_do_update(index_elements=[row.key], set_=values)
    await tx.session.execute(keep.add_cte(delete(row).where(row.key.in_(old)).cte("swept")))
