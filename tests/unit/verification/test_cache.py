"""Results that are kept: found again, never when damaged, never from a folder of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from standardized_modules.checks import Finding
from standardized_modules.verification.cache import ResultCache, key_of, private_folder, shared_digest
from tests.unit.verification.inline_checks import InlineChecks

FOUND = (Finding("SM901", "a.txt", 3, "wrong \u2713", "correct it"),)


def test_a_result_is_found_again(tmp_path: Path) -> None:
    ResultCache(tmp_path).put("k", FOUND)
    ResultCache(tmp_path).put("clean", ())

    assert ResultCache(tmp_path).get("k") == FOUND
    assert ResultCache(tmp_path).get("clean") == ()
    assert ResultCache(tmp_path).get("other") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "foreign", "folder"])
def test_a_damaged_result_is_no_result(tmp_path: Path, damage: str) -> None:
    cache = ResultCache(tmp_path)
    cache.put("k", FOUND)
    file = tmp_path / "k"
    content = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {
                "cut": content[:-5],
                "flipped": content.replace(b"wrong", b"right"),
                "emptied": b"",
                "foreign": b"\xff\n[]",
            }[damage]
        )

    assert cache.get("k") is None


def test_nothing_half_written_is_left_when_the_disk_refuses(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    (tmp_path / "k").mkdir()

    cache.put("k", FOUND)

    assert [path.name for path in tmp_path.iterdir()] == ["k"]


def test_the_oldest_results_are_removed(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    for number in range(6):
        cache.put(f"k{number}", FOUND)
        os.utime(tmp_path / f"k{number}", (number, number))

    cache.prune(kept=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["k4", "k5"]


def test_without_a_folder_nothing_is_kept() -> None:
    cache = ResultCache(None)
    cache.put("k", FOUND)
    cache.prune()

    assert cache.get("k") is None


def test_the_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    folder = private_folder()

    assert folder == tmp_path / "sm" / "verify"
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)
    assert private_folder() is None, "others could write a clean result into it"


def test_a_folder_that_can_not_be_made_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sm").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert private_folder() is None


def test_a_relative_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert private_folder() == tmp_path / ".cache" / "sm" / "verify"


def test_the_key_follows_the_check_and_every_part(inline_check: InlineChecks) -> None:
    one, other = inline_check("SM901", "return iter(())"), inline_check("SM901", "return iter([])")

    keys = {key_of(one, "a", "b"), key_of(other, "a", "b"), key_of(one, "a", "c"), key_of(one, "ab", "")}

    assert len(keys) == 4
    assert key_of(one, "a", "b") == key_of(one, "a", "b")


def test_the_shared_digest_is_stable() -> None:
    assert shared_digest() == shared_digest()
