"""Start it with `python -m parcels`."""
