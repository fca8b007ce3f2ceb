"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}

# "expand": the version that is running and the next one both work with what this leaves behind.
# "contract": it takes away what no running version uses any more. See docs/migrations.md.
phase: str = "expand"


def upgrade() -> None:
    """To the new schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Back, with the data that the old schema can hold."""
    ${downgrades if downgrades else "pass"}
