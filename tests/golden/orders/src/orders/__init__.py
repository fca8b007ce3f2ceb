"""Start it with `python -m orders`."""
