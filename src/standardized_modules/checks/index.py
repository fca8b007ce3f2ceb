"""What there is to check, read from the modules' text: importing them all takes seconds, this milliseconds."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

FOLDER = Path(__file__).parent
_FIRST_FUNCTION = re.compile(r"^(?:def|class|@)", re.MULTILINE)


class CheckInfo(Struct, frozen=True):
    """The constants of one check, see `Check`, and where it is."""

    id: str
    severity: str
    title: str
    why: str
    source: str
    fix: str
    module: str
    digest: str
    """sha256 of the module's text."""
    reads: tuple[str, ...] = ("*",)
    tool: str = ""
    install: str = ""
    exclusive: bool = False
    daily: bool = False
    online: bool = False
    guard: bool = False

    @property
    def layer(self) -> str:
        """The folder: `kubernetes`."""
        return self.module.rpartition(".")[0].rpartition(".")[2]


@cache
def index() -> tuple[CheckInfo, ...]:
    """Every check, sorted by id. A module whose name begins with `_` is not one."""
    found: dict[str, CheckInfo] = {}
    for path in sorted(check_files()):
        info = _read(path)
        if info.id in found:
            raise ValueError(f"{info.id} is the id of {found[info.id].module} and of {info.module}")
        found[info.id] = info
    return tuple(found[check_id] for check_id in sorted(found))


def check_files() -> Iterator[Path]:
    """The modules of checks."""
    return (path for path in FOLDER.glob("*/*.py") if not path.name.startswith("_"))


def _read(path: Path) -> CheckInfo:
    text = path.read_text(encoding="utf-8")
    constants = _constants(text)
    optional = {
        name: constants[name.upper()]
        for name in ("reads", "tool", "install", "exclusive", "daily", "online", "guard")
        if name.upper() in constants
    }
    try:
        return CheckInfo(
            id=constants["ID"],
            severity=constants["SEVERITY"],
            title=constants["TITLE"],
            why=constants["WHY"],
            source=constants["SOURCE"],
            fix=constants["FIX"],
            module=f"{__package__}.{path.parent.name}.{path.stem}",
            digest=hashlib.sha256(text.encode()).hexdigest(),
            **optional,
        )
    except KeyError as missing:
        raise ValueError(f"{path}: no literal {missing}: a check has it before its first function") from None


def _constants(text: str) -> dict[str, Any]:
    """The literals that are assigned above the first function; other values are left out."""
    first = _FIRST_FUNCTION.search(text)
    constants = {}
    for node in ast.parse(text[: first.start()] if first else text).body:
        target, value = None, None
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign):
            target, value = node.target, node.value
        if isinstance(target, ast.Name) and value is not None:
            try:
                constants[target.id] = ast.literal_eval(value)
            except ValueError:
                continue
    return constants
