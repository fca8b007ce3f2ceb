"""What is wrong with the Python of a migration, apart from the SQL that it makes."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from .environment import number_of, offline
from .findings import Finding
from .operations import DEFAULT, timeouts_of

HIDDEN = "hidden-from-linter"
_HIDES = frozenset(
    {"as_sql", "autocommit_block", "get_bind", "get_context", "is_offline_mode", "run_async"}
)
"""Ways to another database than the empty one that the linter writes statements for, and to
statements that it never sees."""

PHASES = ("expand", "contract")

LONGEST_LOCK = 10.0
"""Seconds within a transaction: the requests behind it have given up long before."""
LONGEST_STATEMENT = 300.0
"""Seconds that what it has locked stays locked."""
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 0.001}


def scripts(folder: Path) -> dict[Path, Script]:
    """The migrations of a folder."""
    found = ScriptDirectory.from_config(offline(folder)).walk_revisions()
    return {Path(script.path): script for script in found}


def phase(script: Script) -> str:
    """Whether a migration adds ("expand") or takes away ("contract")."""
    return str(getattr(script.module, "phase", "unknown"))


def hidden(paths: list[Path]) -> Iterator[Finding]:
    """Where migrations would do other things on a database than they show the linter."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Attribute):
                names = {node.attr}
            elif isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
            else:
                continue
            for name in sorted(names & _HIDES):
                line, end = node.lineno, node.end_lineno or node.lineno
                message = f"what {name} leads to can't be judged; write operations and online()"
                yield Finding(path, line, end, HIDDEN, message)


def forks(migrations: Iterable[Script]) -> Iterator[Finding]:
    """Where two come after the same one, as after a merge: nobody knows which is first."""
    after: dict[str, Script] = {}
    for script in sorted(migrations, key=lambda each: each.revision):
        before = str(script.down_revision)
        first = after.setdefault(before, script)
        if first is not script:
            message = f"{first.revision} comes after {before} as well: let one come after the other"
            yield _at("down_revision", script, "fork", message)


def declared(script: Script) -> Iterator[Finding]:
    """What a migration says of itself: its number, its phase, its timeouts."""
    if number_of(script.revision) is None:
        message = "like 0003_7f3a: a number, so that which one is newer can be told, and its own id"
        yield _at("revision", script, "revision-number", message)
    if phase(script) not in PHASES:
        yield _at("phase", script, "unknown-phase", f"one of {', '.join(PHASES)}")
    timeouts = timeouts_of(script.module)
    yield from _timeout(script, "lock_timeout", timeouts.lock, LONGEST_LOCK)
    yield from _timeout(script, "statement_timeout", timeouts.statement, LONGEST_STATEMENT)


def _timeout(script: Script, name: str, value: str, longest: float) -> Iterator[Finding]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|)", value)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds == 0:
        yield _at(name, script, "no-timeout", f"{value} is none, such as {DEFAULT.lock} is one")
    elif seconds > longest:
        message = f"everybody waits for what it locks; {longest:.0f} s at most"
        yield _at(name, script, "long-timeout", message)


def _at(name: str, script: Script, rule: str, message: str) -> Finding:
    """A finding where the module gives a name its value, or in its first line."""
    path = Path(script.path)
    for node in ast.parse(path.read_bytes()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return Finding(path, node.lineno, node.end_lineno or node.lineno, rule, message)
    return Finding(path, 1, 1, rule, message)
