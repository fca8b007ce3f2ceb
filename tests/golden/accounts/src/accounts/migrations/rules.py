"""What squawk does not look for. PostgreSQL's locks: explicit-locking in its documentation.

What may be done is listed; the rest is refused, since nobody could list what locks a table. Alembic
writes most statements, in one way; sql.py brings those of people into the same form.
"""

import re
from collections.abc import Iterator

from .emitted import Emitted
from .findings import Finding
from .sql import plain

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_NAME = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})?"
_TABLE = rf"(?:IF EXISTS )?(?:ONLY )?(?P<table>{_NAME})"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_ONLINE = _pattern(
    rf"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS {_NAME} ON [^;]*"
    rf"|DROP INDEX CONCURRENTLY IF EXISTS {_NAME}"
    rf"|REINDEX (?:TABLE|INDEX) CONCURRENTLY {_NAME}"
    rf"|ALTER TABLE {_NAME} VALIDATE CONSTRAINT {_IDENTIFIER}"
    rf"|ALTER TYPE {_NAME} ADD VALUE IF NOT EXISTS ''(?: (?:BEFORE|AFTER) '')?"
    rf"|REFRESH MATERIALIZED VIEW CONCURRENTLY {_NAME}"
    rf"|ANALYZE {_NAME}"
)
"""Done twice it changes nothing, and nobody waits for it: no lock that reading or writing needs."""

_UNDERSTOOD = _pattern(
    r"(?:ALTER|COMMENT|CREATE|DELETE|DROP|GRANT|INSERT|MERGE|REVOKE|UPDATE|WITH)\b[^;]*"
)
"""What squawk and the rules below can judge."""

_CREATES = _pattern(rf"CREATE (?:UNLOGGED )?TABLE (?P<maybe>IF NOT EXISTS )?(?P<table>{_NAME})")
_LOCKS = _pattern(
    rf"(?:ALTER TABLE|(?:CREATE|DROP) (?:OR REPLACE )?(?:CONSTRAINT )?(?:TRIGGER|POLICY) .*? ON)"
    rf" {_TABLE}"
)
_CHANGES = _pattern(
    rf"(?<!FOR )(?<!DO )\b(?:UPDATE|DELETE FROM|INSERT INTO|MERGE INTO) {_TABLE}",
)
_DATA = _pattern(r"(?:DELETE|INSERT|MERGE|UPDATE|WITH)\b")

_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "lock-table",
        _pattern(r"LOCK\b.*"),
        "it stops everybody until the transaction ends; every statement takes the lock it needs",
    ),
    (
        "rewrites-table",
        _pattern(
            r"(?:VACUUM|CLUSTER|REFRESH)\b.*"
            r"|ALTER TABLE .* SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b.*"
        ),
        "it writes the whole table anew, and nobody can use it meanwhile",
    ),
    (
        "truncates-table",
        _pattern(r"TRUNCATE\b.*"),
        "it takes the rows of readers away, and downgrade can't bring them back",
    ),
    (
        "sets-parameter",
        _pattern(r"(?:SET|RESET|DISCARD)\b.*|.*\bset_config ?\(.*"),
        "the migrations after it have it too; the module has lock_timeout and statement_timeout",
    ),
)


def rules(statements: list[Emitted]) -> Iterator[Finding]:
    """All findings; statements that are not of a migration only say where transactions are."""
    fresh: set[str] = set()
    locked: dict[str, Emitted] = {}
    within: list[Emitted] = []
    online = set()
    inside = False
    for statement in statements:
        sql = plain(statement.sql)
        if statement.path is None:
            if re.match(r"BEGIN|COMMIT", sql):
                inside = sql.startswith("BEGIN")
                locked = {}
                fresh = set()
        elif sql and not inside:
            online.add(statement.path)
            yield from _online(statement, sql)
        elif sql:
            within.append(statement)
            yield from _understood(statement, sql)
            yield from _creates(statement, sql, fresh)
            yield from _data(statement, sql, fresh)
            yield from _several(statement, sql, fresh, locked)
    for statement in within:
        if statement.path in online:
            yield _finding(
                statement,
                "beside-online",
                "should online() fail, the migration is run again from its start, and this has "
                "happened already: a migration of its own",
            )


def _online(statement: Emitted, sql: str) -> Iterator[Finding]:
    if not _ONLINE.fullmatch(sql):
        yield _finding(
            statement,
            "not-online",
            "outside a transaction only what may be done twice (IF [NOT] EXISTS) and locks nobody "
            "out: the list is in migrations/rules.py",
        )


def _understood(statement: Emitted, sql: str) -> Iterator[Finding]:
    known = [(rule, message) for rule, shape, message in _SHAPES if shape.fullmatch(sql)]
    for rule, message in known:
        yield _finding(statement, rule, message)
    if not known and not _UNDERSTOOD.fullmatch(sql):
        yield _finding(
            statement,
            "opaque-code",
            "nobody can tell what locks it takes; write single statements that change the schema",
        )


def _creates(statement: Emitted, sql: str, fresh: set[str]) -> Iterator[Finding]:
    if not (created := _CREATES.match(sql)):
        return
    if created["maybe"]:
        yield _finding(
            statement,
            "maybe-there",
            "a table that was there is another one than this, and in use; the migrations before "
            "know whether it is",
        )
    else:
        fresh.add(_unquoted(created["table"]))


def _data(statement: Emitted, sql: str, fresh: set[str]) -> Iterator[Finding]:
    if not _DATA.match(sql):
        return
    if {_unquoted(found["table"]) for found in _CHANGES.finditer(sql)} - fresh:
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
    table = _unquoted(found["table"])
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


def _unquoted(name: str) -> str:
    return name.replace('"', "").removeprefix("public.").lower()
