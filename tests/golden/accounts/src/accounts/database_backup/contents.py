"""Counts and checksums of tables, the same on every server that holds the same rows."""

from ..database.connect import Connection
from ..database_admin.names import quoted
from .manifest import Table

# How values are written as text depends on these.
_AS_TEXT = """
    SET LOCAL TIME ZONE 'UTC'; SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1; SET LOCAL xmloption = 'content'; SET LOCAL row_security = off
"""

# Tables and partitions; what belongs to an extension is made by it.
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
    ORDER BY 1, 2
"""

# A sum does not depend on the order, and unlike an exclusive or it sees a row that is there twice.
# With a star it is the row, also where a column is called t.
_CHECKSUM = """
    SELECT count(*), coalesce(sum(('x' || encode(substring(
        sha256(convert_to((t.*)::text, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint), 0)::text
    FROM {table} t
"""


async def contents(session: Connection) -> tuple[Table, ...]:
    """Of all tables, within the transaction that the session is in."""
    await session.execute(_AS_TEXT)
    found = []
    for schema, name in await session.fetch(_TABLES):
        table = f"{quoted(schema)}.{quoted(name)}"
        rows, checksum = await session.fetchrow(_CHECKSUM.format(table=table)) or (0, "0")
        found.append(Table(f"{schema}.{name}", rows, checksum))
    return tuple(found)


async def is_empty(session: Connection) -> bool:
    """Whether nobody made anything in the database yet."""
    query = """
        SELECT NOT EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
              AND n.nspname NOT LIKE 'pg\\_toast%'
              AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e'))
    """
    return bool(await session.fetchval(query))
