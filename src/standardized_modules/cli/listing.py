"""The list of patterns for help texts, from a small file: `sm --help` reads no library."""

from __future__ import annotations

from pathlib import Path

LISTING = Path(__file__).parents[1] / "library" / "help.txt"
"""Written by `tools/write_schemas.py`; a test compares it with the library."""


def pattern_listing() -> str:
    """A block that click prints as it stands."""
    return "\b\nPatterns:\n" + LISTING.read_text(encoding="utf-8").rstrip()
