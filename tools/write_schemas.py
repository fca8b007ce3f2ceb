"""Write the JSON Schemas that are shipped, from the model. A test compares them."""

from __future__ import annotations

import json

from standardized_modules.engine import ROOT, InfrastructurePatternEngine
from standardized_modules.schemas import pattern_file_schema, spec_schema


def main() -> None:
    """Write both schemas below library/schemas/."""
    folder = ROOT / "library" / "schemas"
    folder.mkdir(exist_ok=True)
    schemas = {
        "infrastructure-patterns": pattern_file_schema(),
        "sm": spec_schema(InfrastructurePatternEngine.load().library),
    }
    for name, schema in schemas.items():
        (folder / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
