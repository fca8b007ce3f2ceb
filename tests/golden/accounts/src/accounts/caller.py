"""Who calls, for what must not be shared between callers."""

import hashlib

from fastapi import Request

from .rate_limit.client import client_address


def caller(request: Request) -> str:
    """The hash of the Authorization header, or the address of a client that sends none.

    This is the place to change once you verify tokens: return the subject instead. A header changes
    when a token is renewed and an address when a phone moves, and then a retry counts as new.
    """
    authorization = request.headers.get("authorization")
    if authorization:
        return "authorization:" + hashlib.sha256(authorization.encode()).hexdigest()
    hops = request.app.state.settings.trusted_proxy_hops
    return "address:" + client_address(request.scope, hops)
