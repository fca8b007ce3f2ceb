"""HTTP for items: list, get, create, replace, delete."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from ..caller import caller
from ..database import Position
from ..database.http import CONSISTENCY_TOKEN, After, ConsistencyToken, read_position
from ..idempotency import IdempotencyKey, Stored, fingerprint, once
from ..pagination import CursorParameter, Limit, Page, decode_cursor, encode_cursor
from ..preconditions import (
    ETAG_HEADER,
    IfMatch,
    IfNoneMatch,
    check_match,
    required_match,
    unless_known,
)
from ..problems import ProblemError
from .models import Item, Name, NewItem
from .repository import ItemRepository, SortKey

router = APIRouter(prefix="/items", tags=["items"])

_TOKEN_HEADER: dict[str, Any] = {
    CONSISTENCY_TOKEN: {
        "description": "Send it with reads that have to see this change.",
        "schema": {"type": "string"},
    }
}
_READ = {"description": "The item", "headers": ETAG_HEADER}
_WRITTEN = {"description": "The item", "headers": ETAG_HEADER | _TOKEN_HEADER}


# `async` although it awaits nothing: FastAPI runs other functions in a thread, which costs more
# than all the rest of a request.
async def get_items(request: Request) -> ItemRepository:
    """The repository of the running application."""
    repository: ItemRepository = request.app.state.items
    return repository


Items = Annotated[ItemRepository, Depends(get_items)]
NameFilter = Annotated[Name | None, Query(description="Only items of this name.")]


@router.get("", summary="List items")
async def list_items(
    items: Items,
    position: After,
    limit: Limit = 20,
    cursor: CursorParameter = None,
    name: NameFilter = None,
) -> Page[Item]:
    """Items in the order of their creation."""
    after = _decode(cursor) if cursor else None
    # One more than asked for tells whether there is a next page, without counting all.
    found = await items.page(limit + 1, after, name, position)
    page = list(found[:limit])
    more = len(found) > limit
    return Page(items=page, next_cursor=_encode(page[-1]) if more else None)


@router.get(
    "/{item_id}",
    response_model=Item,
    responses={200: _READ, 304: {"description": "The client has it", "headers": ETAG_HEADER}},
    summary="Get an item",
)
async def get_item(
    request: Request, item_id: UUID, known: IfNoneMatch = None, token: ConsistencyToken = None
) -> Response:
    """One item, unless the client has it already."""
    items = await get_items(request)
    item = await items.get(item_id, await read_position(request, token))
    if item is None:
        raise _missing()
    return unless_known(item.tag, item.model_dump_json().encode(), known)


@router.post(
    "",
    status_code=201,
    response_model=Item,
    responses={201: _WRITTEN},
    summary="Create an item",
)
async def create_item(
    request: Request, new: NewItem, items: Items, key: IdempotencyKey = None
) -> Response:
    """Create an item. With an Idempotency-Key it is safe to retry."""
    who = caller(request)
    same = fingerprint(b"create_item", new.model_dump_json().encode())
    async with items.change("create item", who) as changes:

        async def create() -> Stored:
            item = await changes.add(new)
            # Without scheme and host: behind proxies we do not know those the client uses.
            location = f"{request.url.path}/{item.id}"
            headers = (("location", location), ("etag", item.tag))
            return Stored(201, item.model_dump_json().encode(), headers)

        stored = await once(changes.tx, key, who, same, create)
    return _consistent(stored.response(), changes.tx.position)


@router.put("/{item_id}", response_model=Item, responses={200: _WRITTEN}, summary="Replace an item")
async def replace_item(
    request: Request, item_id: UUID, new: NewItem, items: Items, if_match: IfMatch = None
) -> Response:
    """Give an item another content, if it is still what the client has read."""
    match = required_match(if_match)
    async with items.change("replace item", caller(request)) as changes:
        item = await changes.replace(item_id, new, lambda item: check_match(match, item.tag))
        if item is None:
            raise _missing()
    response = Response(
        item.model_dump_json(), 200, {"etag": item.tag}, media_type="application/json"
    )
    return _consistent(response, changes.tx.position)


@router.delete(
    "/{item_id}",
    status_code=204,
    responses={204: {"description": "It is gone", "headers": _TOKEN_HEADER}},
    summary="Delete an item",
)
async def delete_item(
    request: Request, item_id: UUID, items: Items, if_match: IfMatch = None
) -> Response:
    """Delete an item, if it is still what the client has read."""
    match = required_match(if_match)
    async with items.change("delete item", caller(request)) as changes:
        if not await changes.delete(item_id, lambda item: check_match(match, item.tag)):
            raise _missing()
    return _consistent(Response(None, 204), changes.tx.position)


def _consistent(response: Response, position: Position) -> Response:
    if position.token:
        response.headers[CONSISTENCY_TOKEN] = position.token
    return response


def _missing() -> ProblemError:
    return ProblemError(404, "There is no such item.")


def _encode(item: Item) -> str:
    return encode_cursor(item.created_at.isoformat(timespec="microseconds"), str(item.id))


def _decode(cursor: str) -> SortKey:
    created_at, item_id = decode_cursor(cursor, 2)
    try:
        return SortKey(datetime.fromisoformat(created_at).astimezone(UTC), UUID(item_id))
    except (ValueError, OverflowError):  # No date, or one that is beyond the calendar in UTC.
        raise ProblemError(400, "The cursor is not valid; start again without one.") from None
