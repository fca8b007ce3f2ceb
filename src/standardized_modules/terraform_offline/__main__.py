"""`python -m standardized_modules.terraform_offline validate|test DIR`: exit code 0 clean, 1 findings, 2 can't run."""

import argparse
import sys
from pathlib import Path

from .addresses import addresses_in
from .core import Diagnostic, TerraformCore
from .errors import OfflineTerraformError
from .server import offline_providers


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; findings go to stdout, everything else to stderr."""
    parser = argparse.ArgumentParser(prog="terraform_offline", description="Terraform without network or cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("validate", "fmt, init and validate against offline provider schemas and rules"),
        ("test", "run the *.tftest.hcl files of a directory"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("directory", type=Path)
    options = parser.parse_args(arguments)
    if not options.directory.is_dir():
        parser.error(f"not a directory: {options.directory}")
    try:
        return _run(options.command, options.directory)
    except OfflineTerraformError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _run(command: str, directory: Path) -> int:
    with offline_providers(addresses_in(directory)) as environment:
        core = TerraformCore.find(environment)
        return _validate(core, directory) if command == "validate" else _test(core, directory)


def _validate(core: TerraformCore, directory: Path) -> int:
    with core.workspace(directory) as workspace:
        found = [Diagnostic("error", "Not formatted: run terraform fmt", file=file) for file in workspace.fmt_check()]
        found += workspace.init() or workspace.validate()
    return _report(found)


def _test(core: TerraformCore, directory: Path) -> int:
    result = core.test(directory)
    _report(result.diagnostics)
    total = f"{result.passed} passed, {result.failed} failed, {result.errored} errored, {result.skipped} skipped"
    sys.stdout.write(f"{total}\n")
    if not result.ok and not result.diagnostics:
        sys.stderr.write("no test ran: is there a *.tftest.hcl file in the directory or in its tests folder?\n")
    return 0 if result.ok else 1


def _report(found: "list[Diagnostic] | tuple[Diagnostic, ...]") -> int:
    for diagnostic in found:
        sys.stdout.write(f"{diagnostic}\n")
    return 1 if any(diagnostic.severity == "error" for diagnostic in found) else 0


if __name__ == "__main__":
    sys.exit(main())
