"""A small service over the database, for tests: notes that can be written and read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from httpx import AsyncClient
from sqlalchemy import text

from ledgers.caller import caller
from ledgers.database import Database, Statement
from ledgers.database.http import CONSISTENCY_TOKEN, After
from ledgers.settings import Settings
from tests.databases import ScratchDatabase
from tests.support import client_for

GET = Statement("get note", "SELECT body FROM notes WHERE id = $1")
COUNT = Statement("count notes", "SELECT count(*) FROM notes")
SLEEP = Statement("sleep", "SELECT pg_sleep($1)")

TABLE = """
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL);
GRANT SELECT, INSERT ON notes TO PUBLIC;
"""


@asynccontextmanager
async def notes(database: ScratchDatabase, **settings: object) -> AsyncIterator[AsyncClient]:
    """A client of the service of notes, whose table has been made."""
    database.query(TABLE)
    async with serving(**database.settings | settings) as client:
        yield client


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[AsyncClient]:
    """A client of the service of notes, once it is ready."""
    values = Settings.model_validate({**settings, "rate_limit_requests": 0})
    async with client_for(values, _routes) as client:
        await client.get("/readyz")
        yield client


def database_of(client: AsyncClient) -> Database:
    """The database of the service behind a client."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]  # set by support.py
    return database


async def write(client: AsyncClient, body: str) -> tuple[int, str]:
    """Write a note; returns its number and the token."""
    answer = await client.post(f"/notes/{body}")
    assert answer.status_code == 201, answer.text
    return answer.json(), answer.headers[CONSISTENCY_TOKEN]


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds, for 15 s at most."""
    async with asyncio.timeout(15):
        while not await holds():  # noqa: ASYNC110 servers outside of this process raise no event
            await asyncio.sleep(0.05)


def _routes(app: FastAPI, _: Settings) -> None:
    app.add_api_route("/notes/{body}", _write, methods=["POST"])
    app.add_api_route("/notes/{number}", _get, methods=["GET"])
    app.add_api_route("/count", _count, methods=["GET"])
    app.add_api_route("/sleep/{seconds}", _sleep, methods=["GET"])


async def _write(body: str, request: Request, answer: Response) -> int:
    database: Database = request.app.state.database
    who = caller(request) if "authorization" in request.headers else None
    async with database.write("write note", who) as tx:
        insert = text("INSERT INTO notes (body) VALUES (:body) RETURNING id")
        number: int = (await tx.session.execute(insert, {"body": body})).scalar_one()
    answer.status_code = 201
    answer.headers[CONSISTENCY_TOKEN] = tx.position.token
    return number


async def _get(number: int, request: Request, after: After) -> str | None:
    database: Database = request.app.state.database
    row = await database.fetchrow(GET, number, after=after)
    return row["body"] if row else None


async def _count(request: Request, after: After) -> int:
    database: Database = request.app.state.database
    async with database.read("count notes", after) as connection:
        count: int = await connection.fetchval(COUNT.sql)
    return count


async def _sleep(seconds: float, request: Request) -> None:
    database: Database = request.app.state.database
    await database.fetch(SLEEP, seconds)
