"""Our closed schemas of custom resources against the published ones, where those are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from standardized_modules.checks.kubernetes._schemas import custom_resources

REFERENCE = Path(__file__).parents[4] / "shared" / "schemas" / "crds"
"""Schemas beside the working copy in CI; a clone elsewhere doesn't have them."""

UNPUBLISHED = ("alb.networking.azure.io/", "cilium.io/", "secrets-store.csi.x-k8s.io/")
"""Described in words by those who make them; their definitions come with their controllers alone.
Of a SecretProviderClass all that matters is in `parameters`, a map whose names each provider chooses."""


def test_every_object_is_closed() -> None:
    for name, schema in custom_resources().items():
        for path, part in _objects(schema, name):
            assert part.get("additionalProperties") is not None, path


def test_the_schemas_are_json_schemas() -> None:
    for schema in custom_resources().values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published schemas are not beside this clone")
@pytest.mark.parametrize("name", sorted(name for name in custom_resources() if not name.startswith(UNPUBLISHED)))
def test_fields_exist_in_the_published_schema(name: str) -> None:
    group, version, kind = name.split("/")
    published = json.loads((REFERENCE / group / f"{kind.lower()}_{version}.json").read_text(encoding="utf-8"))

    assert list(_differences(custom_resources()[name], published["properties"]["spec"], "spec")) == []


def _differences(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> Iterator[str]:
    if "$ref" in ours:
        ours = next(iter(custom_resources().values()))[ours["$ref"].removeprefix("#/")]
    if "type" in ours and "type" in theirs and ours["type"] != theirs["type"]:
        yield f"{path}: {ours['type']}, published is {theirs['type']}"
    if "enum" in ours and not set(ours["enum"]) <= set(theirs.get("enum", ours["enum"])):
        yield f"{path}: {set(ours['enum']) - set(theirs['enum'])} are not published"
    yield from (f"{path}: {field} is required" for field in _missing_required(ours, theirs))
    for field, schema in ours.get("properties", {}).items():
        if field not in theirs.get("properties", {}):
            yield f"{path}.{field} is not published"
        else:
            yield from _differences(schema, theirs["properties"][field], f"{path}.{field}")
    if "items" in ours:
        yield from _differences(ours["items"], theirs["items"], f"{path}[]")


def _missing_required(ours: dict[str, Any], theirs: dict[str, Any]) -> set[str]:
    return (set(theirs.get("required", ())) & set(ours.get("properties", {}))) - set(ours.get("required", ()))


def _objects(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield path, schema
        for key, value in schema.items():
            yield from _objects(value, f"{path}.{key}")
