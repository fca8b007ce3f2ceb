"""Takes the base (what `sm` wrote last), what is on disk, and the target. Returns a `ChangeSet`.

Creating, comparing and upgrading are this one function with different bases. Never writes to the
service, and never chooses between two sides that both changed: that is a conflict, which is data.
"""

from __future__ import annotations

from collections.abc import Mapping

from standardized_modules.merge import Merge, merge3
from standardized_modules.model.changes import Action, Change, ChangeSet
from standardized_modules.model.tree import FileTree, RenderedFile

Decision = tuple[Action, str, RenderedFile | None]
"""The action, its reason, and what is written or proposed."""


def plan(
    base: FileTree,
    current: Mapping[str, RenderedFile],
    target: FileTree,
    settled: Mapping[str, str] | None = None,
) -> ChangeSet:
    """Decide for every path of base and target.

    Args:
        base: The last render, empty for a new service. Starter files need no content in it.
        current: What stands on disk now, for the paths of base and target.
        target: The new render.
        settled: Conflicts that the user has decided for the version on disk: path → sha256 of
            the target that was turned down.
    """
    decided = settled or {}
    changes = []
    for path in sorted(base.files.keys() | target.files.keys()):
        old, now, new = base.get(path), current.get(path), target.get(path)
        if new is None:
            assert old is not None
            action, reason, result = _gone(old, now)
        else:
            action, reason, result = _wanted(old, now, new)
            if action == "conflict" and decided.get(path) == new.digest:
                action, reason, result = "keep-edited", "you decided for your version", None
        owner = new or old
        assert owner is not None
        changes.append(
            Change(
                path=path,
                action=action,
                reason=reason,
                ownership=owner.ownership,
                content=result.content if result else None,
                before=now.digest if now else None,
                executable=(result or owner).executable,
            )
        )
    return ChangeSet(tuple(changes))


def _gone(base: RenderedFile, current: RenderedFile | None) -> Decision:
    """The target no longer has the file."""
    if current is None:
        return "keep-deleted", "no longer generated, and deleted already", None
    if base.ownership == "starter" or not _same(current, base):
        return "orphan", "no longer generated, but you have it: it is yours now", None
    return "delete", "no longer generated", None


def _wanted(base: RenderedFile | None, current: RenderedFile | None, target: RenderedFile) -> Decision:
    """The first match of the decision table in ARCHITECTURE.md."""
    if current is not None and _same(current, target):
        return "keep", "unchanged", None
    if target.ownership == "record":
        return ("update" if current else "create"), "kept by sm", target
    if base is None and current is None:
        return "create", "new", target
    if current is None:
        return "keep-deleted", "you deleted it", None
    if target.ownership == "starter":
        return "keep-edited", "starter files are yours", None
    if base is None or base.ownership == "starter":
        return "conflict", "a file of yours stands where a new one would go", target
    return _both_changed(base, current, target)


def _both_changed(base: RenderedFile, current: RenderedFile, target: RenderedFile) -> Decision:
    """Content and executable bit are merged each for itself."""
    bit = target.executable if current.executable == base.executable else current.executable
    merged = _merge_content(base.content, current.content, target.content)
    result = RenderedFile(merged.content, bit)
    if not merged.clean:
        return "conflict", merged.reason, result
    if _same(result, current):
        return "keep-edited", "your version", None
    if _same(current, base):
        return "update", "generated differently now", result
    return "merge", "your changes and the new ones fit together", result


def _merge_content(base: bytes, current: bytes, target: bytes) -> Merge:
    if target in (base, current):
        return Merge(current, clean=True)
    if current == base:
        return Merge(target, clean=True)
    return merge3(base, current, target)


def _same(one: RenderedFile, other: RenderedFile) -> bool:
    return one.content == other.content and one.executable == other.executable
