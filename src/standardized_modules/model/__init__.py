"""Frozen types that travel between the stages. They import only `errors`."""
