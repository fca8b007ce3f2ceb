"""Every file is what its name says: UTF-8, and Python or TOML that parses."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree

ID = "SM508"
SEVERITY = "error"
TITLE = "A file can't be read as what it is"
WHY = (
    "A check reads text: of a file with one byte that is not UTF-8, or of code that does not parse, it would see "
    "nothing and find nothing. Terraform, kubectl and Python refuse such a file too, but only when it is used."
)
SOURCE = "https://docs.python.org/3/library/ast.html#ast.parse"
FIX = "save it as UTF-8, or correct the line"
READS = ("*",)
BAD = {"src/orders/main.py": "def run(:\n"}
GOOD = {"src/orders/main.py": "def run() -> None: ...\n"}
_IMAGE_PYTHON = re.compile(r"^FROM\s+(?:\S*/)?python:(\d+)\.(\d+)", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for bytes, Python and pyproject.toml; the other languages have parsers among the other checks."""
    for path, problem in tree.undecodable.items():
        yield Finding(ID, path, None, f"not UTF-8: {problem}", FIX)
    if _is_ours(tree):
        yield from _python(tree)
    try:
        tomllib.loads(tree.get("pyproject.toml", ""))
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        yield Finding(ID, "pyproject.toml", int(line[1]) if line else None, f"not TOML: {problem}", FIX)


def _is_ours(tree: Tree) -> bool:
    """Whether this Python knows the syntax of the service's: an older one would refuse what is newer than itself."""
    image = _IMAGE_PYTHON.search(tree.get("Dockerfile", ""))
    return not image or (int(image[1]), int(image[2])) <= sys.version_info[:2]


def _python(tree: Tree) -> Iterator[Finding]:
    for path in [*tree.glob("src/*.py"), *tree.glob("tests/*.py")]:
        try:
            ast.parse(tree[path])
        except SyntaxError as problem:
            yield Finding(ID, path, problem.lineno, f"not Python: {problem.msg}", FIX)
        except ValueError as problem:  # a NUL character
            yield Finding(ID, path, None, f"not Python: {problem}", FIX)
