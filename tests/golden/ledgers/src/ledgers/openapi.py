"""Prints the OpenAPI document, as `make openapi` writes it to docs/openapi.json."""

import json
import sys

from .app import create_app
from .settings import Settings


def contract() -> str:
    """The document as it is committed: indented, so that a review shows what changed."""
    document = create_app(Settings(docs_enabled=True)).openapi()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(contract())
