"""The SQL of all migrations, statement by statement, with the line of Python that it comes from."""

import ast
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import operations
from .environment import VERSIONS, migrate, offline

if TYPE_CHECKING:
    from types import FrameType


@dataclass(frozen=True, slots=True)
class Emitted:
    """Something that Alembic would send: a statement, BEGIN and COMMIT too, or a comment."""

    sql: str
    path: Path | None
    """The migration it is from; None for what nobody wrote: Alembic's own, and timeouts."""
    line: int = 0
    end: int = 0


@dataclass
class Script(io.StringIO):
    """Where Alembic writes to; who made it write is known from the stack."""

    folder: Path
    statements: list[Emitted] = field(default_factory=list)

    def write(self, text: str) -> int:
        """Take down a statement."""
        path, line, end = self._origin()
        self.statements.append(Emitted(text, path, line, end))
        return len(text)

    def _origin(self) -> tuple[Path | None, int, int]:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 there is no other way
        while frame is not None:
            if frame.f_globals.get("__name__") == operations.__name__:
                break  # online() itself: BEGIN, COMMIT and its timeouts.
            path = Path(frame.f_code.co_filename)
            if path.parent == self.folder:
                return path, *_lines_of_statement(path, frame.f_lineno)
            frame = frame.f_back
        return None, 0, 0


def emitted(folder: Path = VERSIONS, *, down: bool = False) -> list[Emitted]:
    """What an empty database would be sent on the way to the newest schema, or back from it."""
    script = Script(folder)
    migrate(offline(folder, script), "base" if down else "heads", down=down, as_sql=True)
    return script.statements


def _lines_of_statement(path: Path, line: int) -> tuple[int, int]:
    """First and last line of the innermost Python statement at a line."""
    found = (line, line)
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line):
            found = max(found, (node.lineno, node.end_lineno or line))
    return found
