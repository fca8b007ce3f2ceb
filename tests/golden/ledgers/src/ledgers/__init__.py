"""Start it with `python -m ledgers`."""
