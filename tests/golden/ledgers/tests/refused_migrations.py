"""Migrations as people write them, and the rule of the linter that finds each."""

# The rule that finds it, and what it finds.
BAD = {
    "require-concurrent-index-creation": 'op.create_index("ix_notes_text", "notes", ["text"])',
    "ban-concurrent-index-creation-in-transaction": """
op.create_index(
    "ix_notes_text", "notes", ["text"], postgresql_concurrently=True, if_not_exists=True
)
""",
    "require-concurrent-index-deletion": 'op.drop_index("ix_notes_text")',
    "beside-online": """
op.create_check_constraint("ck_notes_text", "notes", "text <> ''", postgresql_not_valid=True)
with online():
    op.execute("ALTER TABLE notes VALIDATE CONSTRAINT ck_notes_text")
""",
    "adding-required-field": """
op.add_column("notes", sa.Column("size", sa.BigInteger(), nullable=False))
""",
    "adding-not-nullable-field": 'op.alter_column("notes", "text", nullable=False)',
    "adding-field-with-default": """
op.add_column("notes", sa.Column("key", sa.Uuid(), server_default=sa.func.gen_random_uuid()))
""",
    "changing-column-type": 'op.alter_column("notes", "text", type_=sa.LargeBinary())',
    "adding-foreign-key-constraint": """
op.add_column("notes", sa.Column("author_id", sa.Uuid()))
op.create_foreign_key("fk_notes_author", "notes", "authors", ["author_id"], ["id"])
""",
    "constraint-missing-not-valid": """
op.create_check_constraint("ck_notes_text", "notes", "text <> ''")
""",
    "disallowed-unique-constraint": """
op.create_unique_constraint("uq_notes_text", "notes", ["text"])
""",
    "ban-drop-column": 'op.drop_column("notes", "text")',
    "ban-drop-table": 'op.drop_table("notes")',
    "renaming-column": 'op.alter_column("notes", "text", new_column_name="body")',
    "renaming-table": 'op.rename_table("notes", "remarks")',
    "lock-table": 'op.execute("LOCK TABLE notes IN EXCLUSIVE MODE")',
    "rewrites-table": 'op.execute("ALTER TABLE notes SET UNLOGGED")',
    "truncates-table": 'op.execute("TRUNCATE notes")',
    "opaque-code": 'op.execute("DO $$ BEGIN PERFORM 1; END $$")',
    "sets-parameter": 'op.execute("SET lock_timeout = 0")',
    "maybe-there": 'op.execute("CREATE TABLE IF NOT EXISTS notes (id int)")',
    "hidden-from-linter": """
if not op.get_context().as_sql:
    op.execute("LOCK TABLE notes")
""",
    "changes-rows": "op.execute(\"UPDATE notes SET text = 'none' WHERE text IS NULL\")",
    "several-tables": """
op.add_column("notes", sa.Column("size", sa.BigInteger()))
op.add_column("authors", sa.Column("name", sa.Text()))
""",
    "syntax-error": 'op.execute("ALTER TABEL notes ADD COLUMN size bigint")',
}

# The rule, and other ways to write what it finds.
ALSO_BAD = [
    ("changes-rows", '"""\n    UPDATE\n        notes\n    SET text = \'x\'"""'),
    ("changes-rows", '"/* all of them */ DELETE /* ! */ FROM ONLY notes -- really"'),
    ("changes-rows", '"WITH gone AS (DELETE FROM notes RETURNING id) SELECT count(*) FROM gone"'),
    ("changes-rows", '"MERGE INTO notes USING authors ON false WHEN MATCHED THEN DO NOTHING"'),
    ("changes-rows", "'UPDATE \"notes\" SET text = NULL'"),
    ("lock-table", '"LOCK\\n TABLE notes"'),
    ("sets-parameter", "\"SET LOCAL lock_timeout='0'\""),
    ("sets-parameter", '"RESET lock_timeout"'),
    ("sets-parameter", "\"SELECT set_config('lock_timeout', '0', false)\""),
    ("opaque-code", '"CALL rewrite_everything()"'),
    ("opaque-code", '"COMMIT"'),
    ("opaque-code", '"ALTER TABLE notes ADD COLUMN size bigint; LOCK TABLE notes"'),
    ("opaque-code", '"SELECT rewrite_everything()"'),
    ("rewrites-table", '"REFRESH MATERIALIZED VIEW digest"'),
]

# Outside a transaction, where a statement waits for a lock for ten minutes.
NOT_ONLINE = [
    "CREATE INDEX CONCURRENTLY ix_notes_text ON notes (text)",
    "DROP INDEX CONCURRENTLY ix_notes_text",
    "CREATE INDEX IF NOT EXISTS ix_notes_text ON notes (text)",
    "ALTER TABLE IF EXISTS notes ADD COLUMN IF NOT EXISTS size bigint",
    "ALTER TABLE notes ADD COLUMN size bigint, VALIDATE CONSTRAINT ck_notes_text",
    "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f()",
    "DROP TABLE IF EXISTS notes",
    "VACUUM FULL notes",
    "REFRESH MATERIALIZED VIEW digest",
    "SET lock_timeout = 0",
    "ANALYZE notes; LOCK TABLE notes",
]
