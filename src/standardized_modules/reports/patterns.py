"""The table of `sm patterns`."""

from __future__ import annotations

import json
import textwrap

from standardized_modules.explanations import clouds_of
from standardized_modules.model.library import Library

HEADINGS = ("PATTERN", "VERSION", "CLOUDS", "SUMMARY")


def as_table(library: Library) -> str:
    """One line a pattern, aligned."""
    rows = [HEADINGS] + [
        (name, pattern.version, ", ".join(clouds_of(pattern, library)), pattern.summary)
        for name, pattern in library.patterns.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
    return "\n".join(lines) + "\n"


def as_json(library: Library) -> str:
    """The same for scripts, with the words about when to use a pattern."""
    document = [
        {
            "name": name,
            "title": pattern.title,
            "version": pattern.version,
            "clouds": clouds_of(pattern, library),
            "summary": pattern.summary,
            "use_when": list(pattern.use_when),
            "avoid_when": list(pattern.avoid_when),
            "capabilities": list(pattern.capabilities),
        }
        for name, pattern in library.patterns.items()
    ]
    return json.dumps(document, indent=2) + "\n"


def help_listing(library: Library) -> str:
    """The patterns for `--help`: name, summary, first reason to use it, in 78 columns."""
    width = max(map(len, library.patterns), default=0)
    lines = []
    for name, pattern in library.patterns.items():
        text = f"{pattern.summary} Use it when: {pattern.use_when[0]}"
        first, rest = f"  {name:<{width}}  ", " " * (width + 4)
        lines += textwrap.wrap(text, 78, initial_indent=first, subsequent_indent=rest)
    return "\n".join(lines) + "\n"
