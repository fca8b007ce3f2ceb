"""Fixtures for all tests."""

import os
import socket
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from order_events_api.settings import Settings
from tests.support import client_for


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> None:
    """What is set in the developer's shell must not decide what the tests see."""
    for name in list(os.environ):
        if name.startswith(("APP_", "OTEL_")):
            del os.environ[name]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The service runs on asyncio only."""
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """The service as it is, with the default settings."""
    async with client_for(Settings()) as client:
        yield client


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
