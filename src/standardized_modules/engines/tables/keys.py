"""The development account, whose key everybody knows, and the signatures that it makes.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#table-service-shared-key-authorization
https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from standardized_modules.engines.tables.errors import AuthenticationFailedError, NoAuthenticationError
from standardized_modules.engines.tables.http import Request

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""No secret: Microsoft's documentation prints it, and its SDKs contain it."""


def verify(request: Request) -> None:
    """Let pass what the account's key has signed.

    Raises:
        TableError: It has not.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "sharedkey":
        raise NoAuthenticationError
    account, _, given = credential.strip().partition(":")
    if account != ACCOUNT or not hmac.compare_digest(given.encode(), signature(request).encode()):
        raise AuthenticationFailedError


def signature(request: Request) -> str:
    """What the client must have computed, too."""
    headers = request.headers
    # The path on the wire begins with the account, because all accounts of an emulator share a host.
    resource = f"/{ACCOUNT}{request.path}"
    if "comp" in request.query:
        resource += f"?comp={request.query['comp']}"
    date = headers.get("x-ms-date") or headers.get("date", "")
    parts = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date, resource]
    digest = hmac.new(base64.b64decode(KEY), "\n".join(parts).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
