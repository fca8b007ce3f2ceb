"""What applying a target to a folder would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from standardized_modules.model.tree import Ownership

Action = Literal[
    "create",
    "update",
    "merge",
    "delete",
    "keep",
    "keep-edited",
    "keep-deleted",
    "orphan",
    "conflict",
]
WRITING: frozenset[Action] = frozenset({"create", "update", "merge"})


class Change(Struct, frozen=True):
    """The decision for one path.

    `content` is what to write, or for a conflict what is proposed; `before` is the sha256 of what
    stood on disk when the decision was made, None for nothing.
    """

    path: str
    action: Action
    reason: str
    ownership: Ownership = "managed"
    content: bytes | None = None
    before: str | None = None
    executable: bool = False


class ChangeSet(Struct, frozen=True):
    """Every decision, sorted by path. Conflicts are data: what is proposed stands in `content`.

    `fresh` says that the folder is to be made; `proposed_before` are the paths of conflicts that
    the last run left open.
    """

    changes: tuple[Change, ...]
    fresh: bool = False
    proposed_before: tuple[str, ...] = ()

    def of(self, *actions: Action) -> tuple[Change, ...]:
        """The changes with one of these actions."""
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def conflicts(self) -> tuple[Change, ...]:
        """Paths where both sides changed and nobody but the user can decide."""
        return self.of("conflict")

    def counts(self) -> dict[str, int]:
        """How many changes of each action there are, for reports."""
        return _count(change.action for change in self.changes)


def _count(actions: Iterable[str]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for action in actions:
        totals[action] = totals.get(action, 0) + 1
    return dict(sorted(totals.items()))
