"""`sm verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from standardized_modules.cli.options import catalog_option, complete_check
from standardized_modules.errors import CrashedError
from standardized_modules.reports.progress import Progress
from standardized_modules.reports.verification import as_json, as_text
from standardized_modules.reports.verification_ci import as_junit, as_sarif
from standardized_modules.verification import Verification, verify
from standardized_modules.verification.baseline import read_baseline
from standardized_modules.verification.result import SEVERITIES

REPORTS = {"text": as_text, "json": as_json, "sarif": as_sarif, "junit": as_junit}


@click.command("verify")
@click.argument("folder", metavar="[SERVICE_DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--only", multiple=True, metavar="CHECK", shell_complete=complete_check, help="Run these only. Repeatable."
)
@click.option("--skip", multiple=True, metavar="CHECK", shell_complete=complete_check, help="Leave out. Repeatable.")
@click.option("--format", "format_", type=click.Choice(list(REPORTS)), default="text", help="[default: text]")
@click.option("--offline/--online", "offline", default=True, help="Whether checks use the network.  [default: offline]")
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", help="Leave findings below this out.")
@click.option("--baseline", type=click.Path(path_type=Path), help="A JSON report whose findings are accepted.")
@click.option("--strict", is_flag=True, help="Fail when a check is not run because its tool is missing.")
@catalog_option
def command(folder: Path, format_: str, offline: bool, baseline: Path | None, strict: bool, **options: Any) -> int:
    """Prove a service: spec, records, container, Kubernetes, Terraform, workflows, and what crosses them.

    CHECK is an id (SM203), a group (SM2xx) or a layer (kubernetes); 'sm explain SM203' explains one.
    Exit codes: 0 clean, 1 findings, 2 usage, 3 a bug of sm. Information never fails.

    \b
    Examples:
      sm verify
      sm verify services/orders --only kubernetes --skip SM226
      sm verify --format sarif > sm.sarif
      sm verify --format json > known.json && sm verify --baseline known.json
    """
    accepted = read_baseline(baseline) if baseline else frozenset()
    result = verify(folder, online=not offline, baseline=accepted, progress=Progress(sys.stderr), **options)
    click.echo(REPORTS[format_](result), nl=False)
    return _exit_code(result, strict)


def _exit_code(result: Verification, strict: bool) -> int:
    crashed = result.of("crashed")
    if crashed:
        reasons = "\n".join(f"{each.check_id}: {each.reason.strip()}" for each in crashed)
        raise CrashedError(
            f"{len(crashed)} checks crashed\n{reasons}", hint="leave them out with --skip until it is fixed"
        )
    return int(bool(result.failing) or (strict and bool(result.of("not run"))))
