"""The table of `sm patterns`."""

from __future__ import annotations

import json

from standardized_modules.model.library import Library, Pattern

HEADINGS = ("PATTERN", "VERSION", "CLOUDS", "SUMMARY")


def clouds_of(pattern: Pattern, library: Library) -> list[str]:
    """Clouds that implement every capability of the pattern."""
    return [cloud.name for cloud in library.clouds.values() if set(pattern.capabilities) <= set(cloud.implements)]


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
