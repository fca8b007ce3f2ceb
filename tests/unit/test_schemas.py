"""The shipped JSON Schemas are those of the model, and accept what the loader accepts."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from standardized_modules.engine import ROOT, InfrastructurePatternEngine
from standardized_modules.schemas import pattern_file_schema, spec_schema

SHIPPED = ROOT / "library" / "schemas"


@pytest.fixture(scope="module")
def engine() -> InfrastructurePatternEngine:
    return InfrastructurePatternEngine.load()


def test_shipped_schemas_are_up_to_date(engine: InfrastructurePatternEngine) -> None:
    """Write them anew with `make golden`."""
    assert json.loads((SHIPPED / "infrastructure-patterns.schema.json").read_text()) == json.loads(
        json.dumps(pattern_file_schema())
    )
    assert json.loads((SHIPPED / "sm.schema.json").read_text()) == json.loads(json.dumps(spec_schema(engine.library)))


def test_our_pattern_file_fits_its_schema() -> None:
    path = ROOT / "library" / "infrastructure-patterns.yaml"
    jsonschema.validate(yaml.safe_load(path.read_text()), pattern_file_schema())
    assert path.read_text().startswith("# yaml-language-server: $schema=./schemas/")


def test_a_generated_spec_fits_its_schema(engine: InfrastructurePatternEngine, web_api_service: Path) -> None:
    schema = json.loads((web_api_service / ".sm/sm.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((web_api_service / "sm.yaml").read_text()), schema)


@pytest.mark.parametrize(
    "change",
    [
        {"nme": "x"},
        {"name": "Orders"},
        {"cloud": "mars"},
        {"patterns": []},
        {"patterns": ["nothing"]},
        {"parameters": {"http": {"port": 80}}},
        {"parameters": {"http": {"prt": 8080}}},
        {"environments": {"prd": {}}},
        {"environments": {"prod": {"scaling": {"max_replicas": 0}}}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(
    engine: InfrastructurePatternEngine, change: dict[str, object]
) -> None:
    good = {"version": 1, "name": "orders", "cloud": "aws", "patterns": ["web_api"]}
    schema = spec_schema(engine.library)
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **change}, schema)
