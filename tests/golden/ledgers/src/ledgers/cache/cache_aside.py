"""Values of one kind, out of the cache or from where they are loaded, once for all who wait."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ..database import ANYWHERE, PRIMARY_ONLY, Position, Unavailable
from .cache import SPREAD, Cache
from .entry import Entry, shows
from .link import AwayError
from .metrics import REQUESTS

T = TypeVar("T")
A = TypeVar("A")

Load = Callable[[Position], Awaitable[tuple[T | None, Position]]]
"""Reads a value that shows at least this position; returns it with its date."""


class _Found(NamedTuple, Generic[T]):
    value: T | None
    date: Position


@dataclass(eq=False, slots=True)
class _Flight(Generic[T]):
    """A look-up under way. Its result is None when whoever began it was cancelled."""

    after: Position
    landed: "asyncio.Future[_Found[T] | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class CacheAside(Generic[T]):
    """Requests for one key wait for the first of them, so a cold key costs one query here.

    Other processes may ask at the same moment: with twenty of them a cold key costs twenty queries
    of a millisecond. A lock between processes would add a round trip to every miss, and a wait
    whenever its holder dies; that is the worse bargain.
    """

    def __init__(
        self,
        cache: Cache,
        name: str,
        *,
        form: int,
        encode: Callable[[T], bytes],
        decode: Callable[[bytes], T],
    ) -> None:
        """An entry of another `form` is replaced, so releases do not read each other's.

        They share the keys all the same: what one of them writes, the other has to know.
        `decode` raises ValueError for what it cannot read.
        """
        self._cache = cache
        self._prefix = f"{cache.namespace}:{name}:"
        self._form = b"%d " % form
        self._encode, self._decode = encode, decode
        self._flights: dict[str, _Flight[T]] = {}
        self._outcomes = {
            outcome: REQUESTS.labels(name, outcome)
            for outcome in ("hit", "negative_hit", "miss", "error", "shared")
        }

    async def get(self, key: str, after: Position, load: Load[T]) -> T | None:
        """The value, or None when there is none; it shows at least this position."""
        while (
            after != PRIMARY_ONLY
            and (flight := self._flights.get(key)) is not None
            and flight.after >= after
        ):
            try:
                found = await asyncio.shield(flight.landed)
            except Unavailable:
                if flight.after == after:
                    raise
                continue  # It asked for more than this request does.
            # A position that the log has not reached says nothing about what the flight has seen.
            if found is not None and (flight.after == after or shows(found.date, after)):
                self._outcomes["shared"].inc()
                return found.value
        flight = self._flights[key] = _Flight(after)
        found = None
        try:
            found = await self._find(self._prefix + key, after, load)
        except Exception as error:
            flight.landed.set_exception(error)
            flight.landed.exception()  # Nobody may be waiting.
            raise
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not flight.landed.done():
                flight.landed.set_result(found)
        return found.value

    async def peek(self, key: str, after: Position, decode: Callable[[bytes], A]) -> A | None:
        """What is kept, decoded in another way, if it shows this position. Nothing is loaded.

        Only a hit counts: whoever goes without asks `get` next.
        """
        try:
            entry = await self._cache.read(self._prefix + key)
            if entry is None or entry.kind != "value" or not entry.shows(after):
                return None
            value = decode(self._unwrapped(entry))
        except (AwayError, ValueError):
            return None
        self._outcomes["hit"].inc()
        return value

    async def written(self, keys: Iterable[str], position: Position) -> None:
        """Call it after the commit: nobody is answered from before this position any more."""
        every = list(keys)
        for key in every:
            self._flights.pop(key, None)
        if every:
            await self._cache.mark([self._prefix + key for key in every], position.next)

    async def _find(self, key: str, after: Position, load: Load[T]) -> _Found[T]:
        try:
            entry = await self._cache.read(key)
        except AwayError:
            self._outcomes["error"].inc()
            return _Found(*await load(after))
        if entry is not None and entry.shows(after):
            if entry.kind == "nothing":
                self._outcomes["negative_hit"].inc()
                return _Found(None, entry.date)
            try:
                value = self._decode(self._unwrapped(entry))
            except ValueError:
                pass  # As good as nothing; it is replaced.
            else:
                self._outcomes["hit"].inc()
                return _Found(value, entry.date)
        self._outcomes["miss"].inc()
        return await self._load(key, entry, after, load)

    async def _load(
        self, key: str, entry: Entry | None, after: Position, load: Load[T]
    ) -> _Found[T]:
        marked = entry.date if entry and entry.kind == "mark" else ANYWHERE
        try:
            value, date = await load(max(after, marked.previous))
            # The mark says where the write was; what shows it, shows all before.
            date = max(date, marked if marked < PRIMARY_ONLY else ANYWHERE)
        except Unavailable as error:
            if not error.elsewhere or after >= marked.previous:
                raise
            # What the write left cannot be had now. Whoever did not ask for it gets what there is.
            value, date = await load(after)
        if value is None:
            fresh, seconds = Entry(date, "nothing"), self._cache.settings.cache_negative_ttl_seconds
        else:
            fresh = Entry(date, "value", self._form + self._encode(value))
            seconds = self._cache.settings.cache_ttl_seconds
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 no secret
        await self._cache.fill(key, fresh, seconds * spread)
        return _Found(value, date)

    def _unwrapped(self, entry: Entry) -> bytes:
        if not entry.body.startswith(self._form):
            raise ValueError("another form")
        return entry.body[len(self._form) :]
