"""`sm dev`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from standardized_modules.cli.options import catalog_option
from standardized_modules.development import Options, plan, run
from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.errors import WorkspaceError
from standardized_modules.reports.development import JsonLines, Terminal


@click.command("dev")
@click.argument("folder", metavar="[SERVICE_DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port for clients; 0 takes a free one.  [default: that of .env]"
)
@click.option("--no-reload", is_flag=True, help="Don't start the service anew when its code changes.")
@click.option("--engines-only", is_flag=True, help="Start the engines; you start the service, in a debugger say.")
@click.option("--json", "as_json_", is_flag=True, help="One JSON object a line for each event.")
@catalog_option
def command(
    folder: Path, port: int | None, no_reload: bool, engines_only: bool, as_json_: bool, catalogs: tuple[Path, ...]
) -> int:
    """Run a service on this machine, with stand-ins for the cloud services that it uses.

    Starts what its capabilities need (queues, tables) on loopback, waits until that is ready, runs
    the service against it, and starts it anew when a file below src/ changes. Settings come from
    .env, else .env.example, as with 'make run'. No Docker, no cloud; data is gone at the end.

    What the service prints goes to stdout, everything else to stderr. Exit codes: 0 stopped by
    Ctrl-C or SIGTERM, 1 it can't run, 2 usage, 130 stopped before it ran.

    \b
    Examples:
      sm dev
      sm dev services/orders --port 8090
      sm dev --engines-only
      sm dev --json | jq -r 'select(.event == "line").text'
    """
    if not (folder / "sm.yaml").is_file():
        raise WorkspaceError(
            "there is no sm.yaml, so this is not the folder of a service",
            hint="name it: sm dev SERVICE_DIR; 'sm create-microservice' makes one",
            where=str(folder),
        )
    engine = InfrastructurePatternEngine.load(catalogs)
    service = engine.resolve(engine.compose(engine.read_spec(folder / "sm.yaml")))
    options = Options(port=port, reload=not no_reload, engines_only=engines_only)
    planned = plan(service, engine.library, folder.resolve(), options)
    names = (*(each.name for each in planned.preparations), *(each.process.name for each in planned.started))
    report = JsonLines(sys.stdout) if as_json_ else Terminal(planned.service, names, sys.stdout, sys.stderr)
    return run(planned, report)
