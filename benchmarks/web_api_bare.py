"""The yardstick of web_api.py: the endpoint with nothing around it, on the same server settings."""

import sys
from datetime import UTC, datetime
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class NewItem(BaseModel):
    name: str
    quantity: int = 1


class Item(NewItem):
    id: UUID
    created_at: datetime


app = FastAPI()
items: dict[UUID, Item] = {}


@app.get("/v1/items/{item_id}")
async def get_item(item_id: UUID) -> Item:
    item = items.get(item_id)
    if item is None:
        raise HTTPException(404)
    return item


@app.post("/v1/items", status_code=201)
async def create_item(new: NewItem) -> Item:
    item = Item(**new.model_dump(), id=uuid4(), created_at=datetime.now(UTC))
    items[item.id] = item
    return item


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
