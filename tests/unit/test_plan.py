"""The decision for every file: base, what is on disk, target."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standardized_modules.merge import Merge, merge3
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
    if change.action == "merge" and base is not None and current is not None:
        added = Counter(current.splitlines()) - Counter(base.splitlines())
        assert change.content is not None
        assert not added - Counter(change.content.decode().splitlines()), "every line that the user added is there"
    if current is None and base is not None:
        assert change.action == "keep-deleted"


@given(texts, texts, texts)
def test_planning_again_after_applying_changes_nothing(
    base: str | None, current: str | None, target: str | None
) -> None:
    if target is None:
        return
    change = decide(base, current, target)
    if change.action == "conflict":
        return
    on_disk = change.content.decode() if change.content is not None else current
    again = decide(target, on_disk, target)
    assert again.content is None
    assert again.action in {"keep", "keep-edited", "keep-deleted"}


def test_binary_files_are_never_merged_and_the_new_version_is_proposed() -> None:
    merged = merge3(b"\x00base", b"\x00mine", b"\x00theirs")
    assert (merged.content, merged.clean) == (b"\x00theirs", False)
    assert "binary" in merged.reason


def test_without_git_the_new_version_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    merged = merge3(b"a\n", b"b\n", b"c\n")
    assert merged == Merge(b"c\n", clean=False, reason="git is not on PATH, so nothing could be merged")


def test_a_conflict_that_the_user_settled_is_over_until_the_target_changes() -> None:
    base, mine, target = (RenderedFile(text.encode()) for text in (LINES, MINE, CLASH))
    settled = {"f": target.digest}
    (change,) = plan(FileTree({"f": base}), {"f": mine}, FileTree({"f": target}), settled).changes
    assert (change.action, change.content) == ("keep-edited", None)
    newer = RenderedFile(CLASH.replace("1", "2").encode())
    (change,) = plan(FileTree({"f": base}), {"f": mine}, FileTree({"f": newer}), settled).changes
    assert change.action == "conflict"


@pytest.mark.parametrize(
    ("base", "current", "target", "action", "executable"),
    [
        (False, False, True, "update", True),
        (False, True, False, "keep-edited", False),
        (True, True, False, "update", False),
    ],
)
def test_the_executable_bit_is_merged_like_a_line(
    base: bool, current: bool, target: bool, action: str, executable: bool
) -> None:
    trees = [{"f": RenderedFile(b"x", executable=bit)} for bit in (base, current, target)]
    (change,) = plan(FileTree(trees[0]), trees[1], FileTree(trees[2])).changes
    assert change.action == action
    assert change.action == "keep-edited" or change.executable is executable


def test_content_and_bit_that_changed_on_different_sides_are_both_kept() -> None:
    trees = [RenderedFile(LINES.encode()), RenderedFile(LINES.encode(), True), RenderedFile(NEW.encode())]
    (change,) = plan(FileTree({"f": trees[0]}), {"f": trees[1]}, FileTree({"f": trees[2]})).changes
    assert (change.action, change.content, change.executable) == ("merge", NEW.encode(), True)


def test_a_starter_that_becomes_managed_is_never_overwritten() -> None:
    base = FileTree({"f": RenderedFile(b"", ownership="starter")})
    (change,) = plan(base, {"f": RenderedFile(b"")}, FileTree({"f": RenderedFile(b"new")})).changes
    assert change.action == "conflict"
