"""What squawk does not look for. PostgreSQL's locks: explicit-locking in its documentation.

A statement is looked at as text. Alembic writes most of them, in one way; what somebody wrote by
hand and these patterns do not understand, squawk has parsed before.
"""

import re
from collections.abc import Iterator

from .emitted import Emitted
from .findings import Finding
from .operations import DEFAULT

_NAME = r'(?:IF (?:NOT )?EXISTS )?(?:ONLY )?(?P<table>"?[\w$]+"?(?:\."?[\w$]+"?)?)'
_CREATES = re.compile(rf"CREATE (?:UNLOGGED )?TABLE {_NAME}", re.IGNORECASE)
_LOCKS = re.compile(
    rf"(?:ALTER TABLE|TRUNCATE(?: TABLE)?|CREATE (?:CONSTRAINT )?TRIGGER .*? ON) {_NAME}",
    re.IGNORECASE | re.DOTALL,
)
_CHANGES = re.compile(rf"(?:UPDATE|DELETE FROM|INSERT INTO) {_NAME}", re.IGNORECASE)
_REPEATABLE = re.compile(
    r"(?:(?:CREATE|DROP) (?:UNIQUE )?INDEX|ALTER TYPE \S+ ADD VALUE|(?:CREATE|DROP|ALTER) TABLE)"
    r"(?: CONCURRENTLY)?(?P<if> IF (?:NOT )?EXISTS)?"
    r"(?!.* (?:VALIDATE|DETACH|FINALIZE)\b)",
    re.IGNORECASE | re.DOTALL,
)
_TIMEOUT = re.compile(
    r"SET (?:LOCAL |SESSION )?(?P<which>lock_timeout|statement_timeout)"
    r" (?:=|TO) '?(?P<value>[^';]+)",
    re.IGNORECASE,
)
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 0.001}
_LONGEST_LOCK = 10.0
"""Seconds within a transaction: the requests behind it have given up long before."""

_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "lock-table",
        re.compile(r"LOCK (?:TABLE )?\w", re.IGNORECASE),
        "it stops everybody until the transaction ends; every statement takes the lock it needs",
    ),
    (
        "rewrites-table",
        re.compile(
            r"VACUUM.*\bFULL\b|CLUSTER\b|REFRESH MATERIALIZED VIEW (?!CONCURRENTLY)"
            r"|ALTER TABLE .* SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)",
            re.IGNORECASE | re.DOTALL,
        ),
        "it writes the whole table anew, and nobody can use it meanwhile",
    ),
    (
        "truncates-table",
        re.compile(r"TRUNCATE\b", re.IGNORECASE),
        "it takes the rows of readers away, and downgrade can't bring them back",
    ),
    (
        "opaque-code",
        re.compile(r"DO\b", re.IGNORECASE),
        "nobody can tell what locks a DO block takes; write its statements as operations",
    ),
)


def rules(statements: list[Emitted]) -> Iterator[Finding]:
    """All findings; statements that are not of a migration only say where transactions are."""
    fresh: set[str] = set()
    locked: dict[str, Emitted] = {}
    inside = False
    for statement in statements:
        sql = _without_comments(statement.sql)
        if re.match(r"BEGIN|COMMIT", sql):
            inside = sql.startswith("BEGIN")
            locked = {}
            fresh = set()
        if statement.path is None or not sql:
            continue
        if created := _CREATES.match(sql):
            fresh.add(_plain(created["table"]))
        yield from _shapes(statement, sql)
        if not inside and (found := _REPEATABLE.match(sql)) and not found["if"]:
            yield _finding(
                statement,
                "not-repeatable",
                "outside a transaction it may be run again after half of it: IF [NOT] EXISTS",
            )
        yield from _timeouts(statement, sql, inside=inside)
        yield from _data(statement, sql, fresh)
        yield from _several(statement, sql, fresh, locked)


def _shapes(statement: Emitted, sql: str) -> Iterator[Finding]:
    for rule, pattern, message in _SHAPES:
        if pattern.match(sql):
            yield _finding(statement, rule, message)


def _timeouts(statement: Emitted, sql: str, *, inside: bool) -> Iterator[Finding]:
    if not (found := _TIMEOUT.match(sql)):
        return
    seconds = _seconds(found["value"].strip())
    if seconds == 0:
        yield _finding(statement, "no-timeout", f"{found['which']} is switched off")
    elif inside and found["which"].lower() == "lock_timeout" and seconds > _LONGEST_LOCK:
        yield _finding(
            statement,
            "long-lock-timeout",
            f"everybody waits behind it; {DEFAULT.lock} is the rule, what is tried again",
        )


def _data(statement: Emitted, sql: str, fresh: set[str]) -> Iterator[Finding]:
    found = _CHANGES.match(sql)
    if found and _plain(found["table"]) not in fresh:
        yield _finding(
            statement,
            "changes-rows",
            "its rows stay locked until the migration ends; let the service or a task change them "
            "in batches, between an expand and a contract migration",
        )


def _several(
    statement: Emitted, sql: str, fresh: set[str], locked: dict[str, Emitted]
) -> Iterator[Finding]:
    if not (found := _LOCKS.match(sql)):
        return
    table = _plain(found["table"])
    if table in fresh:
        return
    locked.setdefault(table, statement)
    if len(locked) > 1:
        others = ", ".join(sorted(set(locked) - {table}))
        yield _finding(
            statement,
            "several-tables",
            f"{others} stays locked while this waits for {table}, and who takes them in another "
            "order ends in a deadlock: one migration for each table",
        )


def _finding(statement: Emitted, rule: str, message: str) -> Finding:
    assert statement.path is not None  # noqa: S101 rules() passes no other
    return Finding(statement.path, statement.line, statement.end, rule, message)


def _seconds(value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|)", value)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0


def _plain(name: str) -> str:
    return name.replace('"', "").removeprefix("public.").lower()


def _without_comments(sql: str) -> str:
    """What is left of a statement without the comments and blanks before it."""
    return re.sub(r"\A(?:\s+|--[^\n]*\n?|/\*.*?\*/)+", "", sql, flags=re.DOTALL)
