"""The contract: the committed document is what the code says, and the code does what it says.

The comparison makes every change of the contract visible in review. Schemathesis then sends
requests generated from the document and checks each answer against it: no 500, no undocumented
status or content type, no body that violates its schema. It asks a process, because connections to
a database belong to one event loop, and each of its requests would have another.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import ledgers
from ledgers.openapi import contract

DOCUMENT = Path(__file__).parent.parent / "docs" / "openapi.json"
PACKAGE = ledgers.__name__

schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))


def test_the_committed_contract_is_current() -> None:
    assert DOCUMENT.read_text() == contract(), "run `make openapi` and review the difference"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a process serves it."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port, metrics_port = (str(listener.getsockname()[1]) for listener in listeners)
    for listener in listeners:
        listener.close()
    environment = os.environ | {
        "APP_HOST": "127.0.0.1",
        "APP_PORT": port,
        "APP_METRICS_PORT": metrics_port,
        "APP_RATE_LIMIT_REQUESTS": "0",
    }
    with subprocess.Popen(  # noqa: S603 our own code
        [sys.executable, "-m", PACKAGE], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            _await_answer(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(url).is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,  # A busy machine is not a failure.
    derandomize=True,  # The same requests each time: a failure is a change in the code.
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_code_keeps_the_contract(case: Case[Any], url: str) -> None:
    case.call_and_validate(
        base_url=url,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
