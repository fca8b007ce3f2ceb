"""The connection to Service Bus: made at first use, with errors of the port."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    SessionLockLostError,
)

from .port import BrokerUnavailable, LockLost

TRY_TIMEOUT = 15
"""Seconds for one try of a send, a renewal or a link; four of them are shorter than a lock."""


class Connection:
    """A namespace, by identity; or an emulator on this machine, by connection string."""

    def __init__(self, namespace: str, connection_string: str, retries: int = 3) -> None:
        self._namespace = namespace
        self._connection_string = connection_string
        self._retries = retries
        self._client: ServiceBusClient | None = None
        self._credential: DefaultAzureCredential | None = None

    @property
    def client(self) -> ServiceBusClient:
        """The client. It connects by itself, and again after a connection was lost."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    async def close(self) -> None:
        """Close links and connection."""
        if self._client is not None:
            await self._client.close()
        if self._credential is not None:
            await self._credential.close()
        self._client = self._credential = None

    def _connect(self) -> ServiceBusClient:
        # Three retries take about 6 s; longer waits are the worker's business.
        if self._connection_string:
            return ServiceBusClient.from_connection_string(
                self._connection_string, retry_total=self._retries, try_timeout=TRY_TIMEOUT
            )
        # In the cluster the federated token of the ServiceAccount, on a desk `az login`.
        self._credential = DefaultAzureCredential()
        return ServiceBusClient(
            self._namespace, self._credential, retry_total=self._retries, try_timeout=TRY_TIMEOUT
        )


@contextmanager
def broker_errors() -> Iterator[None]:
    """Turn errors of the SDK into those of the port."""
    try:
        yield
    except (
        MessageAlreadySettled,
        MessageLockLostError,
        MessageNotFoundError,
        SessionLockLostError,
    ) as error:
        raise LockLost(str(error)) from error
    except MessageSizeExceededError as error:
        raise ValueError(f"Service Bus refuses the message: {error}") from error
    except (AzureError, OSError) as error:
        raise BrokerUnavailable(f"Service Bus: {error}") from error
