"""Start it with `python -m invoices`."""
