"""Start it with `python -m accounts`."""
