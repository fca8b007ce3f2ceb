"""Connections to Redis or Valkey: address, TLS and login."""

import ssl
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from ..settings import Settings
from .credentials import Credentials

CONNECTIONS = 4
"""For each pod. While one waits for its answer, the next questions gather for another."""

CONNECT_SECONDS = 2.0
"""Address, TCP, TLS and login take 10 ms within a region; this allows for a lost packet."""


def open_redis(settings: Settings, credentials: Credentials | None) -> Redis:
    """A client that connects when it is first used."""
    pool = BlockingConnectionPool(
        **_transport(settings),
        max_connections=CONNECTIONS + 1,  # One to deliver what is owed.
        # No limits of time here: each use has one of its own for all that it has to wait for.
        timeout=None,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_SECONDS,
        host=settings.cache_host,
        port=settings.cache_port,
        credential_provider=credentials,
        # A connection that was closed while it was idle is replaced at once. More is not worth it.
        retry=Retry(NoBackoff(), retries=1),
        client_name=settings.otel_service_name,
        protocol=2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)


class TlsConnection(SSLConnection):
    """Connections share their context: it takes 10 ms to load, and everything waits for it."""

    def __init__(self, *, context: ssl.SSLContext, **others: Any) -> None:  # noqa: ANN401 its own arguments
        super().__init__(**others)
        self.ssl_context.context = context


def _transport(settings: Settings) -> dict[str, Any]:
    """With TLS: a certificate of an authority we trust, for the name that we asked for."""
    if not settings.cache_tls:
        return {"connection_class": Connection}
    context = ssl.create_default_context(cafile=settings.cache_ca_file or None)
    return {"connection_class": TlsConnection, "context": context}
