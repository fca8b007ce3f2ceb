"""`sm explain`."""

from __future__ import annotations

from pathlib import Path

import click

from standardized_modules.cli.options import (
    catalog_option,
    cloud_choices,
    complete_subject,
    json_option,
)
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.explanations import explain
from standardized_modules.reports import check as checks
from standardized_modules.reports.explanation import as_json, as_text


@click.command("explain")
@click.argument("subject", shell_complete=complete_subject)
@click.option(
    "--cloud",
    shell_complete=cloud_choices,
    help="Cloud to show files and values of.  [default: the first that has it all]",
)
@json_option
@catalog_option
def command(subject: str, cloud: str | None, as_json_: bool, catalogs: tuple[Path, ...]) -> None:
    """Explain a pattern, a capability or a parameter: what it is for, what it generates,
    every parameter with its default and the reason for it. Or a check of 'sm verify':
    what it finds, why that matters, the way out, and a sample of each side.

    \b
    Examples:
      sm explain web_api
      sm explain web_api --cloud aws
      sm explain http_ingress
      sm explain http.keep_alive
      sm explain SM203
    """
    if checks.ID.fullmatch(subject):
        document = checks.explain_check(subject)
        click.echo((as_json if as_json_ else checks.as_text)(document), nl=False)
        return
    engine = InfrastructurePatternEngine.load(catalogs)
    explanation = explain(engine, subject, cloud)
    click.echo((as_json if as_json_ else as_text)(explanation), nl=False)
