"""Our cached schemas say what the package that brings them says, of good objects and of broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from jsonschema.exceptions import best_match

from standardized_modules.checks import Tree
from standardized_modules.checks.kubernetes._schemas import core_object, custom_resources
from standardized_modules.checks.kubernetes.core_schemas import VERSIONS

GOLDEN = Path(__file__).parents[2] / "golden/parcels"


def objects() -> list[dict[str, Any]]:
    """One of each kind in production, of a service with a server and workers."""
    (production,) = (overlay for overlay in Tree.read(GOLDEN).overlays if overlay.name == "prod")
    found = {each["kind"]: each for each in production.manifests}
    return [each for each in found.values() if f"{each['apiVersion']}/{each['kind']}" not in custom_resources()]


def broken(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The object with a field too many, and with metadata of a wrong type."""
    return [{**manifest, "unheardOf": 1}, {**manifest, "metadata": {**manifest["metadata"], "name": 5}}]


def test_messages_are_the_packages_own() -> None:
    every = objects()
    assert len(every) > 6
    for manifest in every:
        for each in (manifest, *broken(manifest)):
            for version in VERSIONS:
                validator = core_object(version, each["apiVersion"], each["kind"])
                assert validator
                ours = best_match(validator.iter_errors(each))
                if each is manifest:
                    assert ours is None
                    kubernetes_validate.validate(each, version, strict=True)
                else:
                    with pytest.raises(kubernetes_validate.ValidationError) as theirs:
                        kubernetes_validate.validate(each, version, strict=True)
                    assert (ours.message, list(ours.path)) == (theirs.value.message, list(theirs.value.path))


@pytest.mark.parametrize(("api_version", "kind"), [("extensions/v1beta1", "Ingress"), ("apps/v1", "Deploiment")])
def test_what_a_version_does_not_have_has_no_schema(api_version: str, kind: str) -> None:
    assert core_object(VERSIONS[-1], api_version, kind) is None
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        kubernetes_validate.validate({"apiVersion": api_version, "kind": kind}, VERSIONS[-1], strict=True)
