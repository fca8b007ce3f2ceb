"""Options that several commands share, and what the shell completes for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from standardized_modules.engine import InfrastructurePatternEngine

json_option = click.option("--json", "as_json_", is_flag=True, help="Machine-readable output.")
catalog_option = click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    type=click.Path(path_type=Path),
    envvar="SM_CATALOG",
    help="Pattern file of your organisation, also SM_CATALOG. Repeatable.",
)


def complete_pattern(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of patterns."""
    return _starting(_engine().patterns(), incomplete.replace("-", "_"))


def cloud_choices(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of clouds."""
    return _starting(_engine().library.clouds, incomplete)


def complete_parameter(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Paths of parameters, with the equals sign."""
    return [f"{path}=" for path in _starting(_engine().library.parameters, incomplete)]


def complete_subject(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Everything that can be explained."""
    library = _engine().library
    names = (*library.patterns, *library.capabilities, *library.parameters)
    return [*_starting(names, incomplete), *(name for name in complete_check(_ctx, _param, incomplete) if incomplete)]


def complete_check(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Ids and layers of checks."""
    from standardized_modules.checks import index

    checks = index()
    names = (*(each.id for each in checks), *sorted({each.layer for each in checks}))
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def _engine() -> InfrastructurePatternEngine:
    from standardized_modules.engine import InfrastructurePatternEngine

    return InfrastructurePatternEngine.load()


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
