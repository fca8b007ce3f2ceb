"""The yardstick of data_api.py: one route on FastAPI that reads an item with asyncpg, and nothing else.

python data_api_bare.py PORT

As FastAPI's documentation has it: a response model, so that clients get a contract, and the row as
a dict. (Without the model FastAPI writes JSON in Python, and is slower.) The pool is as large as
the service's, the query and the fields are the same.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

QUERY = "SELECT id, name, quantity, version, created_at, updated_at FROM items WHERE id = $1"


class Item(BaseModel):
    id: UUID
    name: str
    quantity: int
    version: int
    created_at: datetime
    updated_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    login = json.loads(Path(os.environ["APP_DATABASE_CREDENTIALS_FILE"]).read_text())
    size = int(os.environ["APP_DATABASE_POOL_SIZE"])
    async with asyncpg.create_pool(
        host=os.environ["APP_DATABASE_HOST"],
        port=int(os.environ["APP_DATABASE_PORT"]),
        database=os.environ["APP_DATABASE_NAME"],
        user=login["username"],
        password=login["password"],
        min_size=size,
        max_size=size,
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/v1/items/{item_id}", response_model=Item)
async def get_item(item_id: UUID) -> dict[str, Any]:
    row = await app.state.pool.fetchrow(QUERY, item_id)
    if row is None:
        raise HTTPException(404)
    return dict(row)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
