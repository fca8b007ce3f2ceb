"""The service with routes of these tests, run by its own Python: `python ledger.py`. Never imported.

Accounts with a balance and a version, so that a lost, doubled or stale change shows. Everything
below the routes is the service's: routes are what its users write.
"""

import sys
from types import ModuleType
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from sqlalchemy import text

# What would be imported in its place belongs to the user.
sys.modules["orders.routes"] = module = ModuleType("orders.routes")
module.include_routes = None  # type: ignore[attr-defined]

from orders.api import run_api  # noqa: E402
from orders.caller import caller  # noqa: E402
from orders.database import Database, Statement  # noqa: E402
from orders.database.http import CONSISTENCY_TOKEN, After  # noqa: E402
from orders.problems import ProblemError  # noqa: E402
from orders.startup import read_settings  # noqa: E402

GET = Statement("get account", "SELECT balance, version FROM accounts WHERE id = $1")
ADD = """
    UPDATE accounts SET balance = balance + 1, version = version + 1
    WHERE id = :id RETURNING balance, version
"""
SET = """
    UPDATE accounts SET balance = :balance, version = version + 1
    WHERE id = :id AND version = :version RETURNING balance, version
"""


async def get(request: Request, number: int, after: After) -> dict[str, Any]:
    """By asyncpg, from whoever has it."""
    database: Database = request.app.state.database
    row = await database.fetchrow(GET, number, after=after)
    if row is None:
        raise ProblemError(404, "There is no such account.")
    return dict(row)


async def add(request: Request, response: Response, number: int) -> dict[str, Any]:
    """By SQLAlchemy, on the primary."""
    return await _write(request, response, ADD, {"id": number})


async def put(
    request: Request, response: Response, number: int, balance: int, if_match: Annotated[str, Header()]
) -> dict[str, Any]:
    """For whoever knows the version."""
    return await _write(request, response, SET, {"id": number, "balance": balance, "version": int(if_match)})


async def hold(request: Request, seconds: float) -> None:
    """Keep a connection busy."""
    database: Database = request.app.state.database
    async with database.write("hold") as tx:
        await tx.session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


async def who(request: Request) -> str:
    """Whom the database takes us for."""
    database: Database = request.app.state.database
    async with database.write("who") as tx:
        return str((await tx.session.execute(text("SELECT current_user"))).scalar_one())


async def _write(request: Request, response: Response, statement: str, values: dict[str, Any]) -> dict[str, Any]:
    database: Database = request.app.state.database
    remembered = caller(request) if "authorization" in request.headers else None
    async with database.write("change account", remembered) as tx:
        row = (await tx.session.execute(text(statement), values)).mappings().one_or_none()
    if row is None:
        raise ProblemError(412, "The account has changed.")
    response.headers[CONSISTENCY_TOKEN] = tx.position.token
    return dict(row)


def include_routes(app: FastAPI, _: object) -> None:
    """All of them."""
    app.add_api_route("/accounts/{number}", get, methods=["GET"])
    app.add_api_route("/accounts/{number}/add", add, methods=["POST"])
    app.add_api_route("/accounts/{number}", put, methods=["PUT"])
    app.add_api_route("/hold/{seconds}", hold, methods=["POST"])
    app.add_api_route("/who", who, methods=["GET"])


if __name__ == "__main__":
    sys.exit(run_api(read_settings(), include_routes))
