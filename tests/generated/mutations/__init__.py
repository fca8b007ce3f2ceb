"""Ways to break a good service, one table a layer."""
