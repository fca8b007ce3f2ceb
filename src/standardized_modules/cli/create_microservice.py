"""`sm create-microservice`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from standardized_modules.cli.listing import pattern_listing
from standardized_modules.cli.options import (
    catalog_option,
    cloud_choices,
    complete_parameter,
    complete_pattern,
    json_option,
)
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.errors import RefusedError, UsageError
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.reports.creation import as_json, as_text, findings_as_json

HELP = f"""Write a complete service: code with tests, container, Kubernetes manifests, Terraform,
delivery workflow, dashboards, alerts, runbook.

{pattern_listing()}

\b
Examples:
  sm create-microservice orders --pattern web_api --cloud aws
  sm create-microservice orders --pattern web-api --cloud aws --dry-run
  sm create-microservice orders --pattern web_api --cloud aws \\
      --owner team-payments --set ingress.domain=shop.example \\
      --set prod.scaling.max_replicas=40
  sm create-microservice --spec sm.yaml --output-dir services

Without NAME on a terminal it asks; in a pipe or in CI it never does.
"""


@click.command("create-microservice", help=HELP)
@click.argument("name", required=False)
@click.option(
    "--pattern",
    "patterns",
    multiple=True,
    shell_complete=complete_pattern,
    help="Pattern; repeat it to combine several.",
)
@click.option("--cloud", shell_complete=cloud_choices, help="aws or azure.")
@click.option("--region", help="Region of the cloud.  [default: the cloud's usual one]")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    help="Folder below which the service's folder is made.  [default: .]",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="PATH=VALUE",
    shell_complete=complete_parameter,
    help="Parameter, for one environment as prod.PATH=VALUE. Repeatable.",
)
@click.option("--spec", "spec_file", type=click.Path(path_type=Path), help="A sm.yaml to start from.")
@click.option("--owner", metavar="TEAM", help="Slug of the team.  [default: team-NAME]")
@click.option("--description", help="One sentence about the service.")
@click.option("--dry-run", is_flag=True, help="Print what would be written; write nothing.")
@click.option("--force", is_flag=True, help="Merge into a folder that is not empty; keeps your files.")
@json_option
@catalog_option
def command(
    name: str | None,
    patterns: tuple[str, ...],
    cloud: str | None,
    region: str | None,
    output_dir: Path | None,
    assignments: tuple[str, ...],
    spec_file: Path | None,
    owner: str | None,
    description: str | None,
    dry_run: bool,
    force: bool,
    as_json_: bool,
    catalogs: tuple[Path, ...],
) -> int:
    """See HELP."""
    engine = InfrastructurePatternEngine.load(catalogs)
    if spec_file is not None:
        if patterns or cloud or description:
            raise UsageError(
                "--spec already says which patterns, cloud and description",
                hint="edit the spec, or leave --spec out",
            )
        spec = engine.read_spec(spec_file)
        if name or region or owner or assignments:
            spec = engine.override(spec, name=name, region=region, owner=owner, assignments=assignments)
    else:
        name, patterns, cloud = _complete(engine, name, patterns, cloud)
        spec = engine.spec(
            name,
            patterns=patterns,
            cloud=cloud,
            region=region,
            owner=owner,
            description=description,
            assignments=assignments,
        )
    directory = _directory(spec, spec_file if name is None else None, output_dir)
    from_file = spec_file is not None
    return _create(engine, spec, directory, from_file=from_file, dry_run=dry_run, force=force, as_json_=as_json_)


def _directory(spec: ServiceSpec, spec_file: Path | None, output_dir: Path | None) -> Path:
    """A spec that lies in its own service means that service, whatever its folder is called."""
    if output_dir is None and spec_file is not None and (spec_file.parent / ".sm" / "lock.json").is_file():
        return spec_file.parent
    return (output_dir or Path()) / spec.name


def _create(
    engine: InfrastructurePatternEngine,
    spec: ServiceSpec,
    directory: Path,
    *,
    from_file: bool,
    dry_run: bool,
    force: bool,
    as_json_: bool,
) -> int:
    try:
        tree = engine.render(engine.resolve(engine.compose(spec)))
    except RefusedError as refusal:
        if not as_json_:
            raise
        click.echo(findings_as_json(spec, refusal), nl=False)
        return refusal.exit_code
    if force:
        engine.keep_spec(spec, tree, directory, from_file=from_file)
    changes = engine.plan(tree, directory, force=force)
    if not dry_run:
        engine.apply(changes, directory)
    report = as_json if as_json_ else as_text
    click.echo(report(spec, changes, directory, dry_run=dry_run), nl=False)
    return 1 if changes.conflicts else 0


def _complete(
    engine: InfrastructurePatternEngine,
    name: str | None,
    patterns: tuple[str, ...],
    cloud: str | None,
) -> tuple[str, tuple[str, ...], str]:
    """Ask for what is missing on a terminal; otherwise say what is missing."""
    if name and patterns and cloud:
        return name, patterns, cloud
    asks = name is None and sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")
    if not asks:
        missing = [label for label, value in (("NAME", name), ("--pattern", patterns), ("--cloud", cloud)) if not value]
        raise UsageError(
            f"missing: {', '.join(missing)}",
            hint="for example: sm create-microservice orders --pattern web_api --cloud aws",
        )
    return (
        click.prompt("Name of the service", err=True),
        patterns or (_ask("Pattern", engine.patterns()),),
        cloud or _ask("Cloud", engine.library.clouds),
    )


def _ask(question: str, choices: Iterable[str]) -> str:
    names = list(choices)
    answer: str = click.prompt(question, type=click.Choice(names), default=names[0], err=True)
    return answer
