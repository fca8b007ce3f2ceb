"""Every error that a user can meet. Imports nothing of ours.

Each error says what is wrong (`message`), where (`where`, "file:line") and what to type next
(`hint`, required). The command line prints it as two lines and exits with `exit_code`:
1 refused or findings, 2 usage, 3 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import ClassVar, Protocol


class Explained(Protocol):
    """Anything that says what is wrong, where, and what to do: an error, a finding."""

    @property
    def message(self) -> str:
        """What is wrong and why."""

    @property
    def hint(self) -> str:
        """The way out."""

    @property
    def where(self) -> str | None:
        """ "file:line" of the cause, when there is one."""


class SmError(Exception):
    """An expected failure, explained.

    Args:
        message: What is wrong and why, one sentence without a final full stop.
        hint: The command or edit that gets the user out of it.
        where: "file" or "file:line" of the cause, when there is one.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return "\n".join(f"{place(each)}{each.message}\nhint: {each.hint}" for each in self.reasons)

    @property
    def reasons(self) -> Sequence[Explained]:
        """Everything that is wrong; one reason for most errors."""
        return (self,)


class UsageError(SmError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2
    kind = "usage"


class SpecError(SmError):
    """A spec or a value in it is invalid: sm.yaml, --set, the service's name."""

    exit_code = 2
    kind = "spec"


class SpecErrors(SpecError):  # noqa: N818 there are several
    """Everything that is wrong with one spec: who corrects it wants to do so once.

    Args:
        findings: At least one.
    """

    def __init__(self, findings: Sequence[Explained]) -> None:
        first = findings[0]
        super().__init__(first.message, hint=first.hint, where=first.where)
        self.findings = tuple(findings)

    @property
    def reasons(self) -> Sequence[Explained]:
        """Every finding."""
        return self.findings


class LibraryError(SmError):
    """A pattern, capability or cloud definition is invalid (ours or an organisation's)."""

    exit_code = 2
    kind = "library"


class TemplateError(SmError):
    """A template does not render: always a fault of the library, never of the spec."""

    exit_code = 3
    kind = "template"


class RefusedError(SmError):
    """The request is understood and refused: an incompatible combination or a broken rule.

    Args:
        findings: Everything that speaks against it, at least one.
    """

    kind = "refused"

    def __init__(self, findings: Sequence[Explained]) -> None:
        first = findings[0]
        super().__init__(first.message, hint=first.hint, where=first.where)
        self.findings = tuple(findings)

    @property
    def reasons(self) -> Sequence[Explained]:
        """Every finding."""
        return self.findings


class WorkspaceError(SmError):
    """The folder of a service can't be read or written as asked."""

    kind = "workspace"


class CrashedError(SmError):
    """A check of ours raised, or its process died: what it would have found is not known."""

    exit_code = 3
    kind = "crashed"


def place(explained: Explained) -> str:
    """ "file:line: ", or nothing where there is no place."""
    return f"{explained.where}: " if explained.where else ""


def near(word: str, known: Iterable[str], otherwise: str) -> str:
    """ "did you mean 'x'?" when one of `known` is close to `word`, else `otherwise`."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else otherwise
