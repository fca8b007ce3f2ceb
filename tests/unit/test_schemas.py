"""The shipped JSON Schemas are those of the model, and accept what the loader accepts."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from standardized_modules.cli.listing import LISTING
from standardized_modules.engine import ROOT, InfrastructurePatternEngine
from standardized_modules.errors import SpecError
from standardized_modules.reports.patterns import help_listing
from standardized_modules.schemas import pattern_file_schema, spec_schema
from standardized_modules.stages.specs import load_spec

SHIPPED = ROOT / "library" / "schemas"


@pytest.fixture(scope="module")
def engine() -> InfrastructurePatternEngine:
    return InfrastructurePatternEngine.load()


def test_shipped_schemas_are_up_to_date(engine: InfrastructurePatternEngine) -> None:
    """Write them anew with `make golden`."""
    assert json.loads((SHIPPED / "infrastructure-patterns.schema.json").read_text()) == json.loads(
        json.dumps(pattern_file_schema(engine.library))
    )
    assert json.loads((SHIPPED / "sm.schema.json").read_text()) == json.loads(json.dumps(spec_schema(engine.library)))


def test_our_pattern_file_fits_its_schema(engine: InfrastructurePatternEngine) -> None:
    path = ROOT / "library" / "infrastructure-patterns.yaml"
    jsonschema.validate(yaml.safe_load(path.read_text()), pattern_file_schema(engine.library))
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


SAME_ANSWER: list[dict[str, object]] = [
    {"patterns": ["web-api"]}, {"patterns": ["web-ap"]}, {"parameters": None}, {"environments": None}, {"region": None},
    {"environments": {"prod": None}}, {"environments": {"prod": {"http": None}}}, {"environments": 5},
    {"environments": ["prod"]}, {"name": "a--b"}, {"owner": "Team A"}, {"owner": None}, {"region": "mars"},
    {"region": "us-east-1"}, {"description": "a ${b}"}, {"description": 'a "b"'}, {"description": "Plain."},
    {"version": True}, {"patterns": []}, {"parameters": {"http": {"port": 8081}}},
]  # fmt: skip


@pytest.mark.parametrize("change", SAME_ANSWER)
def test_schema_and_loader_agree(engine: InfrastructurePatternEngine, change: dict[str, object]) -> None:
    document = {"version": 1, "name": "orders", "cloud": "aws", "patterns": ["web_api"], **change}
    accepted = jsonschema.Draft202012Validator(spec_schema(engine.library)).is_valid(document)
    try:
        load_spec(yaml.safe_dump(document), "sm.yaml", engine.library)
    except SpecError:
        assert not accepted
    else:
        assert accepted


def test_the_pattern_schema_completes_capabilities_and_parameters(engine: InfrastructurePatternEngine) -> None:
    schema = pattern_file_schema(engine.library)
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    for name in (*engine.library.capabilities, *engine.library.parameters):
        assert f'"{name}"' in text
    document = yaml.safe_load((ROOT / "library" / "infrastructure-patterns.yaml").read_text())
    document["patterns"]["web_api"]["capabilities"] = ["htp_api"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_the_list_of_patterns_in_the_help_is_up_to_date(engine: InfrastructurePatternEngine) -> None:
    assert LISTING.read_text() == help_listing(engine.library)
