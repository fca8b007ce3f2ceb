"""The login at the cache by the pod's identity; here a token is the password of a real Valkey."""

import asyncio
import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from pydantic import ValidationError

from ledgers.cache.connection import Connection, connect
from ledgers.cache.credentials import LoginError, open_credentials
from ledgers.cache.identity import SCOPE, IdentityCredentials
from ledgers.settings import Settings
from tests.caches import ScratchCache

USER = "3b0c6b1e-0000-4000-8000-000000000001"


class Tokens:
    """Gives out what it was made with, or fails."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.closed = False

    async def get_token(self, *scopes: str) -> AccessToken:
        assert scopes == (SCOPE,)
        if not self.token:
            raise ClientAuthenticationError("no identity here")
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self) -> None:
        self.closed = True


async def logged_in(
    scratch: ScratchCache, credentials: IdentityCredentials, ended: asyncio.Event | None = None
) -> Connection:
    """A connection; its end is told."""
    told = ended or asyncio.Event()
    return await connect(Settings(**scratch.settings), credentials, None, lambda _: told.set())


async def test_the_token_is_the_password_of_the_identity(own_valkey: ScratchCache) -> None:
    own_valkey.server.ask(f"ACL SETUSER {USER} on >token ~* +@all")
    tokens = Tokens("token")
    credentials = IdentityCredentials(USER, tokens)
    connection = await logged_in(own_valkey, credentials)
    assert await connection.ask(("ACL", "WHOAMI")) == USER.encode()
    connection.close()
    await credentials.close()
    assert tokens.closed


async def test_without_an_identity_there_is_no_login(own_valkey: ScratchCache) -> None:
    with pytest.raises(LoginError, match="no identity here"):
        await logged_in(own_valkey, IdentityCredentials(USER, Tokens()))


async def test_the_settings_choose(own_valkey: ScratchCache) -> None:
    settings = Settings(cache_authentication="identity", cache_user=USER)
    chosen = open_credentials(settings)
    assert isinstance(chosen, IdentityCredentials)
    await chosen.close()
    assert not isinstance(open_credentials(Settings(**own_valkey.settings)), IdentityCredentials)
    with pytest.raises(ValidationError, match="APP_CACHE_USER"):
        Settings(cache_authentication="identity")


async def test_a_connection_that_was_closed_is_known_and_a_new_token_opens_another(
    own_valkey: ScratchCache,
) -> None:
    own_valkey.server.ask(f"ACL SETUSER {USER} on >first >second ~* +@all")
    tokens, ended = Tokens("first"), asyncio.Event()
    await logged_in(own_valkey, IdentityCredentials(USER, tokens), ended)

    # As Managed Redis does when a token ends: it is worth nothing, and its connections are closed.
    own_valkey.server.ask(f"ACL SETUSER {USER} <first", f"CLIENT KILL USER {USER}")
    async with asyncio.timeout(5):
        await ended.wait()
    tokens.token = "second"

    connection = await logged_in(own_valkey, IdentityCredentials(USER, tokens))
    assert await connection.ask(("ACL", "WHOAMI")) == USER.encode()
    connection.close()
