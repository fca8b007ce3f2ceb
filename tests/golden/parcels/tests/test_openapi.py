"""The contract: the committed document is what the code says, and the code does what it says.

The comparison makes every change of the contract visible in review. Schemathesis then sends
requests generated from the document and checks each answer against it: no 500, no undocumented
status or content type, no body that violates its schema.
"""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from parcels.app import create_app
from parcels.openapi import contract
from parcels.settings import Settings

DOCUMENT = Path(__file__).parent.parent / "docs" / "openapi.json"

schema = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(Settings(docs_enabled=True, rate_limit_requests=0))
)


def test_the_committed_contract_is_current() -> None:
    assert DOCUMENT.read_text() == contract(), "run `make openapi` and review the difference"


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,  # A busy machine is not a failure.
    derandomize=True,  # The same requests each time: a failure is a change in the code.
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_code_keeps_the_contract(case: Case[Any]) -> None:
    case.call_and_validate(
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ]
    )
