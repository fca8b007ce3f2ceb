"""The spec, the records of sm, suppressions, and what crosses layers."""
