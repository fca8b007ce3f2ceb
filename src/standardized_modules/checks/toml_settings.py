"""Rules that the settings of Python's tools skip: lists in pyproject.toml and ruff.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

FILES = {"pyproject.toml": "", "ruff.toml": "tool.ruff.", ".ruff.toml": "tool.ruff."}
"""Name of a file → where its keys stand in pyproject.toml."""
_KEYS = {
    "ruff": r"tool\.ruff\.(?:lint\.)?(?:extend-)?(?:ignore|per-file-ignores\..+)",
    "mypy": r"tool\.mypy\.(?:overrides\.)?(?:disable_error_code|ignore_errors|ignore_missing_imports)",
    "bandit": r"tool\.bandit\.skips",
    "pylint": r"tool\.pylint\.(?:.+\.)?disable",
}
"""Settings by tool. A list names rules; `true` skips what the key says, `ignore_errors` everything."""


class SkippedRule(NamedTuple):
    """One rule, the line on which it is written and the line of its key, both from 0."""

    tool: str
    rule: str
    line: int
    key_line: int


def skipped_rules(name: str, text: str) -> Iterator[SkippedRule]:
    """Every rule that the file of this name tells a tool to skip; none when it is not TOML, which SM508 reports."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.splitlines()
    begun: dict[str, int] = {}
    for path, key, value in _settings(document, FILES[name]):
        tool = next((tool for tool, pattern in _KEYS.items() if re.fullmatch(pattern, path)), None)
        if tool is None:
            continue
        # The same key may stand in several tables: each search goes on where the last one ended.
        key_line = _find(rf"""(?:^|[\s{{,."']){re.escape(key)}["']?\s*=""", lines, begun.get(path, 0))
        begun[path] = key_line + 1
        if isinstance(value, list):
            for rule in map(str, value):
                yield SkippedRule(tool, rule, _find(rf"""["']{re.escape(rule)}["']""", lines, key_line), key_line)
        elif value is True:
            yield SkippedRule(tool, "" if key == "ignore_errors" else key, key_line, key_line)


def _settings(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Path, last key and value of everything that is no table."""
    for key, each in value.items():
        if isinstance(each, dict):
            yield from _settings(each, f"{path}{key}.")
        elif isinstance(each, list) and each and all(isinstance(item, dict) for item in each):
            for item in each:
                yield from _settings(item, f"{path}{key}.")
        else:
            yield f"{path}{key}", key, each


def _find(pattern: str, lines: list[str], start: int) -> int:
    return next((n for n in range(start, len(lines)) if re.search(pattern, lines[n].partition("#")[0])), start)
