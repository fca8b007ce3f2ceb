"""Clients of AWS services: made at first use, kept until the end, with errors of one kind.

Credentials come from the standard chain: EKS Pod Identity in the cluster, a profile or variables on
a desk. AWS_ENDPOINT_URL leads to an emulator.
"""

import asyncio
import functools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Generic, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, ClientError

Client = TypeVar("Client")

AWS_ERRORS = (ClientError, BotoCoreError)
"""Everything the SDK raises: an answer that says no, and no answer at all."""


@functools.cache
def session() -> AioSession:
    """One for all clients: they share what it reads, the service models and the credentials."""
    return get_session()


def client_config(read_timeout: float) -> AioConfig:
    """How a client of ours behaves; `read_timeout` is for the slowest call it makes."""
    return AioConfig(
        # Within a region a connection takes milliseconds; five seconds are a lost SYN or two.
        connect_timeout=5,
        read_timeout=read_timeout,
        # Throttling and 5xx answers, four tries within about 7 s ("standard" backs off with
        # jitter). Longer waits are the worker's business: it slows down as a whole.
        retries={"mode": "standard", "total_max_attempts": 4},
        # A bound, not a reservation. The default of 10 would let long polls and heartbeats
        # wait for each other.
        max_pool_connections=64,
        tcp_keepalive=True,
    )


class Connection(Generic[Client]):
    """A client that is made when it is first needed: that reads service models and credentials."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Client]]) -> None:
        self._connect = connect
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._client: Client | None = None

    async def client(self) -> Client:
        """The client; many tasks may ask at once."""
        async with self._lock:
            if self._client is None:
                self._client = await self._stack.enter_async_context(self._connect())
            return self._client

    async def close(self) -> None:
        """Close its connections."""
        async with self._lock:
            self._client = None
            await self._stack.aclose()


def error_code(error: ClientError) -> str:
    """The short code of an answer: SQS still prefixes some of them with the name of the service."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]
