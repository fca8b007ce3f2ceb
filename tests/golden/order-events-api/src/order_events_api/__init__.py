"""Start it with `python -m order_events_api`."""
