"""PostgreSQL: pools, replicas, credentials, and what happens when a server is away.

    LIST = Statement("list items", "SELECT … LIMIT $1")

    rows = await database.fetch(LIST, 20, after=position)     # a replica, by bare asyncpg
    async with database.write("create item", caller) as tx:   # the primary, by SQLAlchemy
        tx.session.add(row)
    token = tx.position.token                                 # for reads that must see it

Connections stay free of state: no SET, no temporary table, no LISTEN, no session lock. So it works
through a pooler that gives each transaction another session (APP_DATABASE_POOLER).
"""

from .database import Database, open_database
from .errors import OutcomeUnknown, Unavailable
from .position import ANYWHERE, PRIMARY_ONLY, Position
from .statements import Statement
from .transaction import Transaction

__all__ = [
    "ANYWHERE",
    "PRIMARY_ONLY",
    "Database",
    "OutcomeUnknown",
    "Position",
    "Statement",
    "Transaction",
    "Unavailable",
    "open_database",
]
