"""Alembic runs this file, loaded by its path, with every command. The code: environment.py."""

from alembic import context

context.config.attributes["run"]()
