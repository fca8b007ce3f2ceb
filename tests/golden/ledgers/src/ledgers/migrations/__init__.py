"""The schema and how it changes: `python -m … migrate --help`, docs/migrations.md."""
