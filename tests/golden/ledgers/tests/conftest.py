"""Fixtures for all tests."""

import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from httpx import AsyncClient

from ledgers.settings import Settings
from tests.observing import Collector, Lines
from tests.support import client_for

pytest_plugins = [
    "tests.databases",
    "tests.administration",
    "tests.caches",
    "tests.backups",
]

# The tests are about what a setting does. These values stay when the defaults change, so that
# nobody has to repair tests for having changed a limit.
SETTINGS = {
    "APP_LOG_LEVEL": "INFO",
    "APP_TRACE_SAMPLE_RATIO": "0.01",
    "APP_REQUEST_TIMEOUT_SECONDS": "15",
    "APP_SHUTDOWN_GRACE_SECONDS": "17",
    "APP_DRAIN_DELAY_SECONDS": "15",
    "APP_MAX_BODY_BYTES": "1048576",
    "APP_DOCS_ENABLED": "false",
    "APP_RATE_LIMIT_REQUESTS": "600",
    "APP_RATE_LIMIT_WINDOW_SECONDS": "60",
}


@pytest.fixture(scope="session", autouse=True)
def _known_environment() -> None:
    """What is set in the developer's shell must not decide what the tests see."""
    for name in list(os.environ):
        if name.startswith(("APP_", "OTEL_")):
            del os.environ[name]
    os.environ.update(SETTINGS)


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


@pytest.fixture
def start(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], Lines]]:
    """Call it in the test: pytest replaces standard output once more after the fixtures."""
    started: list[Lines] = []

    def start() -> Lines:
        started.append(Lines(capsys))
        return started[-1]

    yield start
    for lines in reversed(started):
        lines.restore()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
