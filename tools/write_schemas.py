"""Write the JSON Schemas and the list of patterns in the help, from the library. Tests compare them."""

from __future__ import annotations

import json

from standardized_modules.cli.listing import LISTING
from standardized_modules.engine import ROOT, InfrastructurePatternEngine
from standardized_modules.reports.patterns import help_listing
from standardized_modules.schemas import pattern_file_schema, spec_schema


def main() -> None:
    """Write both schemas below library/schemas/, and library/help.txt."""
    library = InfrastructurePatternEngine.load().library
    folder = ROOT / "library" / "schemas"
    folder.mkdir(exist_ok=True)
    schemas = {
        "infrastructure-patterns": pattern_file_schema(library),
        "sm": spec_schema(library),
    }
    for name, schema in schemas.items():
        (folder / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    LISTING.write_text(help_listing(library), encoding="utf-8")


if __name__ == "__main__":
    main()
