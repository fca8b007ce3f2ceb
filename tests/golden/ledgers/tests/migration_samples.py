"""The recipes of docs/migrations.md, and how a test gets migrations into a folder."""

from dataclasses import dataclass
from pathlib import Path

BASE = '''"""The table that samples change."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
phase: str = "expand"


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("text", sa.Text()),
    )
    op.create_table("authors", sa.Column("id", sa.Uuid(), primary_key=True))


def downgrade() -> None:
    op.drop_table("authors")
    op.drop_table("notes")
'''

SAMPLE = '''"""A sample."""

import sqlalchemy as sa
from alembic import op
from ledgers.migrations.operations import online

revision: str = "{revision}"
down_revision: str | None = "{before}"
phase: str = "{phase}"


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''


@dataclass(frozen=True)
class Step:
    """A migration."""

    up: str
    down: str = "pass"
    phase: str = "expand"


# op.f(): the name is whole, Base.metadata has nothing to add to it.
GOOD = {
    "column": (
        Step(
            """
op.add_column("notes", sa.Column("size", sa.BigInteger()))
op.add_column("notes", sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False))
""",
            """
op.drop_column("notes", "pinned")
op.drop_column("notes", "size")
""",
        ),
    ),
    "index": (
        Step(
            """
with online():
    op.create_index(
        "ix_notes_text", "notes", ["text"], postgresql_concurrently=True, if_not_exists=True
    )
""",
            """
with online():
    op.drop_index("ix_notes_text", postgresql_concurrently=True, if_exists=True)
""",
        ),
    ),
    "unique": (
        Step(
            """
with online():
    op.create_index(
        "uq_notes_text",
        "notes",
        ["text"],
        unique=True,
        postgresql_concurrently=True,
        if_not_exists=True,
    )
""",
            """
with online():
    op.drop_index("uq_notes_text", postgresql_concurrently=True, if_exists=True)
""",
        ),
    ),
    "check": (
        Step(
            """
op.create_check_constraint(
    op.f("ck_notes_text"), "notes", "text <> ''", postgresql_not_valid=True
)
""",
            'op.drop_constraint("ck_notes_text", "notes")',
        ),
        Step("""
with online():
    op.execute("ALTER TABLE notes VALIDATE CONSTRAINT ck_notes_text")
"""),
    ),
    "foreign key": (
        Step(
            'op.add_column("notes", sa.Column("author_id", sa.Uuid()))',
            'op.drop_column("notes", "author_id")',
        ),
        Step(
            """
op.create_foreign_key(
    "fk_notes_author", "notes", "authors", ["author_id"], ["id"], postgresql_not_valid=True
)
""",
            'op.drop_constraint("fk_notes_author", "notes")',
        ),
        Step("""
with online():
    op.execute("ALTER TABLE notes VALIDATE CONSTRAINT fk_notes_author")
"""),
    ),
    "not null": (
        Step(
            """
op.create_check_constraint(
    op.f("ck_notes_text_is_there"), "notes", "text IS NOT NULL", postgresql_not_valid=True
)
""",
            'op.drop_constraint("ck_notes_text_is_there", "notes")',
            phase="contract",
        ),
        Step(
            """
with online():
    op.execute("ALTER TABLE notes VALIDATE CONSTRAINT ck_notes_text_is_there")
""",
            phase="contract",
        ),
        Step(
            """
op.alter_column("notes", "text", nullable=False)
op.drop_constraint("ck_notes_text_is_there", "notes")
""",
            """
op.create_check_constraint(
    op.f("ck_notes_text_is_there"), "notes", "text IS NOT NULL", postgresql_not_valid=True
)
op.alter_column("notes", "text", nullable=True)
""",
            phase="contract",
        ),
    ),
    "value of an enum": (
        Step("op.execute(\"CREATE TYPE mood AS ENUM ('calm')\")", 'op.execute("DROP TYPE mood")'),
        Step("""
with online():
    op.execute("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'merry' AFTER 'calm'")
"""),
    ),
    "index of a new table": (
        Step(
            """
op.create_table("tags", sa.Column("name", sa.Text(), primary_key=True))
op.create_index("ix_tags_name", "tags", ["name"])
""",
            'op.drop_table("tags")',
        ),
    ),
    "rows of a new table": (
        Step(
            """
op.create_table("colours", sa.Column("name", sa.Text(), primary_key=True))
op.execute("INSERT INTO colours (name) VALUES ('red; UPDATE notes'), ('green')")
""",
            'op.drop_table("colours")',
        ),
    ),
}


def write(folder: Path, *steps: Step) -> None:
    """A base and migrations on top of it, from 0002 on."""
    (folder / "0001_base.py").write_text(BASE)
    for number, step in enumerate(steps, start=2):
        texts = {
            "revision": f"{number:04}",
            "before": f"{number - 1:04}",
            "phase": step.phase,
            "up": _indented(step.up),
            "down": _indented(step.down),
        }
        text = SAMPLE
        for name, value in texts.items():
            text = text.replace(f"{{{name}}}", value)
        (folder / f"{number:04}_sample.py").write_text(text)


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.strip().splitlines())
