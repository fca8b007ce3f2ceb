"""Redis beside the database: it makes reads cheap, and nothing depends on it.

    cache = open_cache(settings)                    # None when the settings name no cache
    items = CacheAside(cache, "items", form=1, encode=…, decode=…)

    item = await items.get(key, after, load)        # from the cache, else from `load`
    await items.written({key}, tx.position)         # after a commit

**Slower, never down.** A cache that does not answer in time is left alone until a task in the
background reaches it again; until then everything is loaded. Readiness does not depend on it.

**Never wrong.** Every entry carries the position in the database's log up to which it shows all
writes, its date. From that follow three rules:

- An entry is replaced by a newer one only. So a reader that was slow, or read from a replica that
  lags, cannot put back what has been replaced.
- A write leaves a mark in the place of the entry, dated behind the commit. What is older than the
  mark is not accepted there. A mark that could not be left is owed: it is left before this process
  uses the cache again. When too many are owed, it waits until all older entries have ended.
- A reader that has to see a position takes no entry whose date is not behind it. So clients see
  their own writes even when a mark was lost.

What remains, for those who do not ask for more: another process may use the cache a second or two
before the marks that this one owes are there; and a mark that nobody leaves any more, because the
process that owed it died or a failover of the cache lost it, leaves an entry until its time is up.
"""

from .cache import Cache, Script, open_cache
from .cache_aside import CacheAside
from .link import AwayError
from .recent_writes import open_shared_writes

__all__ = ["AwayError", "Cache", "CacheAside", "Script", "open_cache", "open_shared_writes"]
