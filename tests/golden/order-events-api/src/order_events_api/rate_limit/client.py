"""Who is asking? The address that our own proxies saw, never one the caller made up."""

from ipaddress import IPv6Address

from starlette.types import Scope


def client_address(scope: Scope, trusted_hops: int) -> str:
    """The address of the client behind `trusted_hops` proxies.

    Each proxy appends the address it was called from to X-Forwarded-For, so with n trusted proxies
    the n-th entry from the right is true; everything left of it is what the caller claims. With
    fewer entries the request did not come through all proxies, and only the peer is certain.
    """
    peer = scope.get("client")
    address = peer[0] if peer else "unknown"
    if trusted_hops:
        # Several header lines count as one list (RFC 9110, 5.3).
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        entries = b",".join(lines).split(b",") if lines else []
        if len(entries) >= trusted_hops:
            address = _without_port(entries[-trusted_hops].strip().decode("latin-1")) or address
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


def _without_port(entry: str) -> str:
    """Some load balancers append "address:port" or "[address]:port"."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
