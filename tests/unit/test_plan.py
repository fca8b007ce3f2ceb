"""The decision for every file: base, what is on disk, target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.merge import merge3
from standardized_modules.model.changes import Change
from standardized_modules.model.tree import FileTree, Ownership, RenderedFile
from standardized_modules.stages.plan import plan

LINES = "one\ntwo\nthree\nfour\nfive\n"
MINE = LINES.replace("one", "ONE")
NEW = LINES.replace("five", "FIVE")
CLASH = LINES.replace("one", "1")


def decide(base: str | None, current: str | None, target: str | None, ownership: Ownership = "managed") -> Change:
    def tree(text: str | None) -> dict[str, RenderedFile]:
        return {} if text is None else {"f": RenderedFile(text.encode(), ownership=ownership)}

    (change,) = plan(FileTree(tree(base)), tree(current), FileTree(tree(target))).changes
    return change


@pytest.mark.parametrize(
    ("base", "current", "target", "action", "content"),
    [
        (None, None, NEW, "create", NEW),
        (LINES, LINES, LINES, "keep", None),
        (LINES, NEW, NEW, "keep", None),
        (None, NEW, NEW, "keep", None),
        (LINES, MINE, LINES, "keep-edited", None),
        (LINES, None, NEW, "keep-deleted", None),
        (LINES, None, LINES, "keep-deleted", None),
        (LINES, LINES, NEW, "update", NEW),
        (LINES, LINES, None, "delete", None),
        (LINES, None, None, "keep-deleted", None),
        (LINES, MINE, None, "orphan", None),
        (None, MINE, NEW, "conflict", NEW),
        (LINES, MINE, NEW, "merge", LINES.replace("one", "ONE").replace("five", "FIVE")),
    ],
)
def test_managed_files(
    base: str | None, current: str | None, target: str | None, action: str, content: str | None
) -> None:
    change = decide(base, current, target)
    assert change.action == action
    assert change.content == (content.encode() if content is not None else None)
    assert change.reason


def test_a_real_conflict_carries_markers_and_touches_nothing() -> None:
    change = decide(LINES, MINE, CLASH)
    assert change.action == "conflict"
    assert change.content is not None
    assert b"<<<<<<< yours\nONE\n||||||| base\none\n=======\n1\n>>>>>>> generated\n" in change.content


@pytest.mark.parametrize(
    ("base", "current", "target", "action"),
    [
        (None, None, NEW, "create"),
        (None, MINE, NEW, "keep-edited"),
        (LINES, MINE, NEW, "keep-edited"),
        (LINES, LINES, NEW, "keep-edited"),
        (LINES, None, NEW, "keep-deleted"),
        (LINES, LINES, None, "orphan"),
    ],
)
def test_starter_files_belong_to_the_user(
    base: str | None, current: str | None, target: str | None, action: str
) -> None:
    assert decide(base, current, target, "starter").action == action


def test_records_are_always_brought_up_to_date() -> None:
    assert decide(None, None, NEW, "record").action == "create"
    assert decide(None, MINE, NEW, "record").action == "update"


def test_a_changed_mode_is_a_change() -> None:
    base = FileTree({"f": RenderedFile(b"x")})
    target = FileTree({"f": RenderedFile(b"x", executable=True)})
    (change,) = plan(base, {"f": RenderedFile(b"x")}, target).changes
    assert (change.action, change.executable) == ("update", True)


texts = st.none() | st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=5).map("".join)


@given(texts, texts, texts, st.sampled_from(["managed", "starter"]))
def test_nothing_that_a_user_wrote_is_ever_lost(
    base: str | None, current: str | None, target: str | None, ownership: Ownership
) -> None:
    if base is None and target is None:
        return
    change = decide(base, current, target, ownership)
    edited = current is not None and current != base
    if edited and current != target:
        assert change.action in {"keep-edited", "merge", "conflict", "orphan"}
    if current is None and base is not None:
        assert change.action == "keep-deleted"


@given(texts, texts)
def test_planning_again_after_applying_changes_nothing(base: str | None, target: str | None) -> None:
    if target is None:
        return
    assert decide(target, target, target).action == "keep"


def test_binary_files_are_never_merged() -> None:
    merged = merge3(b"\x00base", b"\x00mine", b"\x00theirs")
    assert merged == type(merged)(b"\x00mine", clean=False)


def test_without_git_the_users_version_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert merge3(b"a\n", b"b\n", b"c\n") == type(merge3(b"", b"", b""))(b"b\n", clean=False)
