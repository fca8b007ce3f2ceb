"""An example resource, to be replaced by yours."""
