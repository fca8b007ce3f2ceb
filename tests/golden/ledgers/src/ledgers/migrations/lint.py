"""Finds migrations that would lock or break a service that is running.

squawk parses the SQL of all migrations, up and down, as Alembic would send it, so it knows what
came before: which table is new, which CHECK was validated. rules.py adds what it does not look for,
modules.py what SQL does not show.
https://squawkhq.com/docs/rules
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .emitted import Emitted, emitted
from .environment import VERSIONS
from .findings import Finding, without_excused
from .modules import HIDDEN, declared, forks, hidden, phase, scripts
from .rules import rules

POSTGRESQL = "17.0"

NOT_ASKED = {
    "prefer-bigint-over-int": "how many there can be is known where the column is made",
    "prefer-bigint-over-smallint": "the same",
    "prefer-robust-stmts": "it sees some transactions as none; rules.py has not-online for it",
    "prefer-text-field": "PostgreSQL makes a varchar longer without touching the rows",
}
"""Rules of squawk, and why we do without them."""

OF_CONTRACT = frozenset(
    {
        "ban-drop-column",
        "ban-drop-constraint",
        "ban-drop-not-null",
        "ban-drop-table",
        "ban-drop-type",
        "renaming-column",
        "renaming-table",
    }
)
"""What breaks the version that is running, unless the release before this one did without it."""


def main() -> int:
    """Print what is found; exit code 1 when there is something, 2 without squawk."""
    squawk = find_squawk()
    if squawk is None:
        _say("squawk is not there: it belongs to the packages of development (make install)")
        return 2
    findings = lint(squawk)
    for finding in findings:
        _say(str(finding))
    return 1 if findings else 0


def find_squawk() -> Path | None:
    """Where it is: beside this Python, where packages are installed, or on PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("squawk", path=beside) or shutil.which("squawk")
    return Path(found) if found else None


def lint(squawk: Path, folder: Path = VERSIONS) -> list[Finding]:
    """What is found in the migrations of a folder."""
    paths = sorted(folder.glob("*.py"))
    findings = list(hidden(paths))
    # Without a database it may not even run, and what it shows is not what it does.
    if left := [each for each in without_excused(findings, paths) if each.rule == HIDDEN]:
        return left
    migrations = scripts(folder)
    if forked := list(forks(migrations.values())):
        return forked  # Alembic writes no statements for two ways.
    for script in migrations.values():
        findings += declared(script)
    for down in (False, True):
        statements = emitted(folder, down=down)
        findings += rules(statements)
        findings += [
            finding
            for finding in _squawk(squawk, statements)
            if finding.rule not in OF_CONTRACT
            or not (down or phase(migrations[finding.path]) == "contract")
        ]
    return without_excused(findings, paths)


def _squawk(squawk: Path, statements: list[Emitted]) -> list[Finding]:
    done = subprocess.run(  # noqa: S603 a program of the locked packages
        [
            squawk,
            "--reporter=json",
            f"--pg-version={POSTGRESQL}",
            f"--exclude={','.join(NOT_ASKED)}",
            "--config=/dev/null",
            "--stdin-filepath=migrations.sql",
        ],
        input="".join(statement.sql for statement in statements),
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise RuntimeError(f"squawk failed: {done.stderr.strip()}")
    origin = _origins(statements)
    findings = []
    for violation in json.loads(done.stdout):
        statement = origin[violation["line"]]
        if statement.path is not None:
            help_ = f" {violation['help']}" if violation["help"] else ""
            findings.append(
                Finding(
                    statement.path,
                    statement.line,
                    statement.end,
                    violation["rule_name"],
                    f"{violation['message']}{help_}",
                )
            )
    return findings


def _origins(statements: list[Emitted]) -> list[Emitted]:
    """For each line of the SQL the statement that it is part of."""
    origins: list[Emitted] = []
    for statement in statements:
        origins += [statement] * statement.sql.count("\n")
    return origins


def _say(text: str) -> None:
    print(text)  # noqa: T201 a command line
