"""The roles of the database. Their names derive from the package, so they are known everywhere."""

from typing import Final

PACKAGE: Final = __name__.partition(".")[0]

OWNER: Final = f"{PACKAGE}_owner"
"""Owns the schema; nobody logs in as it."""

APP: Final = f"{PACKAGE}_app"
"""What the service may do: read and write rows. Its logins are members."""

LOGINS: Final = (f"{PACKAGE}_app_a", f"{PACKAGE}_app_b")
"""They take turns: one gets a new password while the other is in use."""

IDENTITY: Final = f"{PACKAGE}_app_identity"
"""The login of the service when it has a token instead of a password."""

MIGRATOR: Final = f"{PACKAGE}_migrator"
"""Acts as the owner."""

BACKUP: Final = f"{PACKAGE}_backup"
"""Reads everything, and may make a database to try a restore in."""

MAINTENANCE_DATABASE: Final = "postgres"
"""Exists on every server; where one is while the service's own database is made."""


def quoted(identifier: str) -> str:
    """An identifier as SQL wants it."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL wants it where it takes no parameters: in ALTER ROLE and the like."""
    return "'" + text.replace("'", "''") + "'"
