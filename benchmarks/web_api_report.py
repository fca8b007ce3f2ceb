"""Turns the samples of web_api.py and data_api.py into a Markdown table."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One round on one server."""

    rate: float
    cpu_micros: float


def table(samples: dict[str, list[Sample]]) -> str:
    """The first entry is the base of all ratios."""
    base = next(iter(samples.values()))
    lines = [
        "| server | requests/s | share of bare (range) | CPU µs a request | CPU against bare |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, rows in samples.items():
        shares = [row.rate / first.rate for row, first in zip(rows, base, strict=True)]
        costs = [row.cpu_micros / first.cpu_micros for row, first in zip(rows, base, strict=True)]
        lines.append(
            f"| {name} | {median(row.rate for row in rows):,.0f} "
            f"| {median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f}) "
            f"| {median(row.cpu_micros for row in rows):.0f} | {median(costs):.2f} |"
        )
    return "\n".join(lines) + "\n"


def update_readme(readme: Path, report: str, pattern: str = "web_api") -> None:
    """Replace the section between the pattern's markers, or append it."""
    begin, end = f"<!-- {pattern}: begin -->", f"<!-- {pattern}: end -->"
    text = readme.read_text() if readme.exists() else "# Benchmarks\n"
    section = f"{begin}\n## The generated {pattern} service\n\n{report}{end}\n"
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2].lstrip("\n") if found else ""
    readme.write_text(before.rstrip("\n") + "\n\n" + section + (f"\n{after}" if after else ""))
