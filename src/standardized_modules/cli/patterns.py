"""`sm patterns`."""

from __future__ import annotations

from pathlib import Path

import click

from standardized_modules.cli.options import catalog_option, json_option
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.reports.patterns import as_json, as_table


@click.command("patterns")
@json_option
@catalog_option
def command(as_json_: bool, catalogs: tuple[Path, ...]) -> None:
    """List the patterns: name, version, clouds, what each is for."""
    library = InfrastructurePatternEngine.load(catalogs).library
    click.echo((as_json if as_json_ else as_table)(library), nl=False)
