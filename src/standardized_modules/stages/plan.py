"""Takes the base (what `sm` wrote last), what is on disk, and the target. Returns a `ChangeSet`.

Creating, comparing and upgrading are this one function with different bases. Never writes, and
never chooses between two sides that both changed: that is a conflict, which is data.
"""

from __future__ import annotations

from collections.abc import Mapping

from standardized_modules.merge import merge3
from standardized_modules.model.changes import Action, Change, ChangeSet
from standardized_modules.model.tree import FileTree, RenderedFile


def plan(base: FileTree, current: Mapping[str, RenderedFile], target: FileTree) -> ChangeSet:
    """Decide for every path of base and target.

    Args:
        base: The last render, empty for a new service. Starter files need no content in it.
        current: What stands on disk now, for the paths of base and target.
        target: The new render.
    """
    paths = sorted(base.files.keys() | target.files.keys())
    return ChangeSet(tuple(_decide(path, base.get(path), current.get(path), target.get(path)) for path in paths))


def _decide(
    path: str,
    base: RenderedFile | None,
    current: RenderedFile | None,
    target: RenderedFile | None,
) -> Change:
    before = current.digest if current else None
    if target is None:
        assert base is not None
        return _gone(path, base, current, before)
    action, reason, content = _action(base, current, target)
    return Change(
        path=path,
        action=action,
        reason=reason,
        ownership=target.ownership,
        content=content,
        before=before,
        executable=target.executable,
    )


def _gone(path: str, base: RenderedFile, current: RenderedFile | None, before: str | None) -> Change:
    """The target no longer has the file."""
    if current is None:
        action, reason = "keep-deleted", "no longer generated, and deleted already"
    elif base.ownership == "starter" or not _same(current, base):
        action, reason = "orphan", "no longer generated, but you have it: it is yours now"
    else:
        action, reason = "delete", "no longer generated"
    return Change(path, action, reason, base.ownership, before=before)  # type: ignore[arg-type]


def _action(
    base: RenderedFile | None, current: RenderedFile | None, target: RenderedFile
) -> tuple[Action, str, bytes | None]:
    if current is not None and _same(current, target):
        return "keep", "unchanged", None
    if target.ownership == "record":
        return ("update" if current else "create"), "kept by sm", target.content
    if base is None and current is None:
        return "create", "new", target.content
    if current is None:
        return "keep-deleted", "you deleted it", None
    if target.ownership == "starter":
        return "keep-edited", "starter files are yours", None
    if base is None:
        return "conflict", "a file of yours stands where a new one would go", target.content
    if _same(target, base):
        return "keep-edited", "your version", None
    if _same(current, base):
        return "update", "generated differently now", target.content
    merged = merge3(base.content, current.content, target.content)
    if merged.clean:
        return "merge", "your changes and the new ones fit together", merged.content
    return "conflict", "you and the new version changed the same lines", merged.content


def _same(one: RenderedFile, other: RenderedFile) -> bool:
    return one.content == other.content and one.executable == other.executable
