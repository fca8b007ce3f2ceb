"""Strict schemas of the custom resources that sm generates."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def custom_resources() -> dict[str, dict[str, Any]]:
    """Schema of `spec` by `apiVersion/kind`, every object closed.

    An entry whose name has no `/` is none of them: others refer to it.
    """
    text = files(__package__).joinpath("schemas/custom-resources.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    _close(document)
    shared = {name: schema for name, schema in document.items() if "/" not in name}
    return {name: {**schema, **shared} for name, schema in document.items() if "/" in name}


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)
