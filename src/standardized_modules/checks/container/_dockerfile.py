"""A Dockerfile as instructions, as far as the checks need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from standardized_modules.checks.tree import Tree

DOCKERFILE = "Dockerfile"
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_STAGE = re.compile(r"(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+[Aa][Ss]\s+(?P<name>\S+))?")
_ASSIGNMENT = re.compile(r"""([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)""")


class Instruction(NamedTuple):
    """One instruction, its continuation lines joined by blanks."""

    name: str
    value: str
    line: int


class Stage(NamedTuple):
    """What begins with a FROM."""

    image: str
    name: str
    line: int
    instructions: tuple[Instruction, ...]

    def of(self, name: str) -> list[Instruction]:
        """Its instructions of this name."""
        return [each for each in self.instructions if each.name == name]


def instructions(text: str) -> Iterator[Instruction]:
    """Every instruction: https://docs.docker.com/reference/dockerfile/#format"""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and joined):
            continue
        start = start or number
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        found = _INSTRUCTION.fullmatch(joined)
        if found:
            yield Instruction(found[1].upper(), found[2].strip(), start)
        joined, start = "", 0


def stages(tree: Tree) -> list[Stage]:
    """The stages of the tree's Dockerfile; the last one is what runs."""
    found: list[Stage] = []
    for each in instructions(tree.get(DOCKERFILE, "")):
        if each.name == "FROM" and (match := _STAGE.match(each.value)):
            found.append(Stage(match["image"], match["name"] or "", each.line, ()))
        elif found:
            found[-1] = found[-1]._replace(instructions=(*found[-1].instructions, each))
    return found


def assignments(tree: Tree) -> Iterator[tuple[Instruction, str, str]]:
    """Instruction, name and value of everything that ENV and ARG set, in every stage and before the first."""
    for each in instructions(tree.get(DOCKERFILE, "")):
        if each.name == "ENV":
            pairs = _ASSIGNMENT.findall(each.value) or [tuple(each.value.partition(" ")[::2])]
            yield from ((each, name, value.strip("\"'")) for name, value in pairs)
        if each.name == "ARG":
            name, _, value = each.value.partition("=")
            yield each, name.strip(), value.strip("\"'")


def ports(tree: Tree) -> dict[int, int]:
    """Port → line of what the image exposes."""
    last = stages(tree)[-1:]
    return {
        int(word.partition("/")[0]): each.line
        for stage in last
        for each in stage.of("EXPOSE")
        for word in each.value.split()
        if word.partition("/")[0].isdigit()
    }


def sample(lines: str, image: str = "python:3.13-slim-trixie", **files: str) -> dict[str, str]:
    """A tree with a small Dockerfile; for BAD and GOOD."""
    return {DOCKERFILE: f"FROM {image}\n{lines}", **files}
