"""HTTP for items: list, get, create, delete."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response

from ..caller import caller
from ..idempotency import IdempotencyKey, IdempotencyStore, Stored, fingerprint, once
from ..pagination import CursorParameter, Limit, Page, decode_cursor, encode_cursor
from ..problems import ProblemError
from .models import Item, NewItem
from .repository import ItemRepository, sort_key

router = APIRouter(prefix="/items", tags=["items"])


# `async` although they await nothing: FastAPI runs other functions in a thread, which costs more
# than all the rest of a request.
async def get_items(request: Request) -> ItemRepository:
    """The repository of the running application."""
    repository: ItemRepository = request.app.state.items
    return repository


async def get_idempotency(request: Request) -> IdempotencyStore:
    """The idempotency store of the running application."""
    store: IdempotencyStore = request.app.state.idempotency
    return store


Items = Annotated[ItemRepository, Depends(get_items)]
Idempotency = Annotated[IdempotencyStore, Depends(get_idempotency)]


@router.get("", summary="List items")
async def list_items(items: Items, limit: Limit = 20, cursor: CursorParameter = None) -> Page[Item]:
    """Items in the order of their creation."""
    after = decode_cursor(cursor, 2) if cursor else None
    # One more than asked for tells whether there is a next page, without counting all.
    found = await items.page(limit + 1, (after[0], after[1]) if after else None)
    page = list(found[:limit])
    more = len(found) > limit
    return Page(items=page, next_cursor=encode_cursor(*sort_key(page[-1])) if more else None)


@router.get("/{item_id}", summary="Get an item")
async def get_item(item_id: UUID, items: Items) -> Item:
    """One item."""
    item = await items.get(item_id)
    if item is None:
        raise ProblemError(404, "There is no such item.")
    return item


@router.post("", status_code=201, response_model=Item, summary="Create an item")
async def create_item(
    request: Request,
    new: NewItem,
    items: Items,
    idempotency: Idempotency,
    key: IdempotencyKey = None,
) -> Response:
    """Create an item. With an Idempotency-Key it is safe to retry."""

    async def create() -> Stored:
        item = Item(**new.model_dump(), id=uuid4(), created_at=datetime.now(UTC))
        await items.add(item)
        # Without scheme and host: behind proxies we do not know those the client uses.
        location = f"{request.url.path}/{item.id}"
        return Stored(201, item.model_dump_json().encode(), (("location", location),))

    same = fingerprint(b"create_item", new.model_dump_json().encode())
    return await once(idempotency, key, caller(request), same, create)


@router.delete("/{item_id}", status_code=204, summary="Delete an item")
async def delete_item(item_id: UUID, items: Items) -> None:
    """Delete an item."""
    if not await items.delete(item_id):
        raise ProblemError(404, "There is no such item.")
