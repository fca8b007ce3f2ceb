"""Options that several commands share, and what the shell completes for them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from standardized_modules.engine import InfrastructurePatternEngine

CATALOG_VARIABLE = "SM_CATALOG"
ENVIRONMENTS = ("dev", "staging", "prod")


def catalog_option_paths(variable: str) -> list[Path]:
    """The catalogs that the variable names."""
    return [Path(each) for each in variable.split(os.pathsep) if each]


json_option = click.option("--json", "as_json_", is_flag=True, help="Machine-readable output.")
catalog_option = click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    type=click.Path(path_type=Path),
    envvar=CATALOG_VARIABLE,
    help=f"Pattern file of your organisation, also {CATALOG_VARIABLE} (several with ':'). Repeatable.",
)


def complete_pattern(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of patterns."""
    return _starting(_engine(ctx).patterns(), incomplete.replace("-", "_"))


def cloud_choices(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of clouds."""
    return _starting(_engine(ctx).library.clouds, incomplete)


def complete_parameter(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Paths of parameters with the equals sign, also below an environment: prod.scaling.max_replicas=."""
    environment, dot, rest = incomplete.partition(".")
    scope, start = (f"{environment}.", rest) if dot and environment in ENVIRONMENTS else ("", incomplete)
    paths = [f"{scope}{path}=" for path in _starting(_engine(ctx).library.parameters, start)]
    return paths + ([] if scope else [f"{each}." for each in _starting(ENVIRONMENTS, incomplete)])


def complete_subject(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Everything that can be explained."""
    library = _engine(ctx).library
    names = (*library.patterns, *library.capabilities, *library.parameters)
    return [*_starting(names, incomplete), *(name for name in complete_check(ctx, _param, incomplete) if incomplete)]


def complete_check(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Ids and layers of checks."""
    from standardized_modules.checks import index

    checks = index()
    names = (*(each.id for each in checks), *sorted({each.layer for each in checks}))
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def _engine(ctx: click.Context) -> InfrastructurePatternEngine:
    """With the catalogs of `--catalog`, or of SM_CATALOG, which click does not read while it completes."""
    from standardized_modules.engine import InfrastructurePatternEngine

    catalogs = ctx.params.get("catalogs") or catalog_option_paths(os.environ.get(CATALOG_VARIABLE, ""))
    return InfrastructurePatternEngine.load(catalogs)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
