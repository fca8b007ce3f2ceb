"""Who is asking? The address that our own proxies saw, never one the caller made up."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

MAX_ENTRY = 64
"""Longer than any address with brackets and port."""


def client_address(scope: Scope, trusted_hops: int) -> str:
    """The address of the client behind `trusted_hops` proxies.

    Each proxy appends the address it was called from to X-Forwarded-For, so with n trusted proxies
    the n-th entry from the right is true; everything left of it is what the caller claims. With
    fewer entries, or one that is no address, the request did not come through all proxies, and only
    the peer is certain.
    """
    peer = scope.get("client")
    address = peer[0] if peer else "unknown"
    if trusted_hops:
        # Several header lines count as one list (RFC 9110, 5.3).
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        entries = b",".join(lines).split(b",") if lines else []
        if len(entries) >= trusted_hops:
            entry = entries[-trusted_hops].strip()
            if len(entry) <= MAX_ENTRY:  # So that what is remembered stays small.
                address = _parsed(entry) or address
    return address


def client_key(address: str) -> str:
    """What the limiter counts by: an IPv4 address, or the /64 network of an IPv6 one.

    A subscriber with IPv6 usually holds a whole /64: counting single addresses would limit nobody.
    """
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"


@lru_cache(maxsize=4096)
def _parsed(entry: bytes) -> str | None:
    """The address in "address", "address:port" or "[address]:port"; None when it is none.

    Remembered, because parsing takes longer than all the rest here. An IPv6 zone ("%eth0") means
    nothing on another host and may be any text, so it is refused.
    """
    text = entry.decode("latin-1")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return None if "%" in text else str(ip_address(text))
    except ValueError:
        return None
