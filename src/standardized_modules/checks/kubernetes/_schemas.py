"""Strict schemas: of Kubernetes' own objects, and of the custom resources that sm generates."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource

_DOMAIN = re.compile(r"^([^./]*)(?:\.[^/]*)?/")
"""What the names of the package's files leave out: `rbac.authorization.k8s.io/v1` is `rbac-v1` there."""


@cache
def core_object(version: str, api_version: str, kind: str) -> Draft202012Validator | None:
    """The strict schema of one of Kubernetes' own objects; None when that version has no such object.

    The package's own `validate` reads 1.6 MB of definitions for every object, and a service has sixty.
    """
    group = _DOMAIN.sub(r"\1-", api_version)
    file = _folder(version) / f"{kind.lower()}-{group}.json"
    if not file.is_file():
        return None
    return Draft202012Validator(json.loads(file.read_text(encoding="utf-8")), registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    """What the schemas of a version refer to."""
    text = (_folder(version) / "_definitions.json").read_text(encoding="utf-8")
    return Resource.from_contents(json.loads(text)) @ Registry()


def _folder(version: str) -> Any:
    return files("kubernetes_validate") / f"kubernetes-json-schema/v{version}.0-local-strict"


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
