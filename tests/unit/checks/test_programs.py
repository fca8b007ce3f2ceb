"""Tools run as on every other machine: without what this user has told them."""

from __future__ import annotations

from pathlib import Path

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.container import dockerfile_lint
from standardized_modules.checks.programs import run_command


def test_settings_of_the_user_hide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3000]\n")
    (tmp_path / "hadolint.yaml").write_text("ignored: [DL3000]\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3000")

    assert [each.message[:6] for each in dockerfile_lint.check(Tree(dockerfile_lint.BAD))] == ["DL3000"]


def test_the_cache_of_the_user_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    said = run_command("sh", "-c", 'echo "$XDG_CACHE_HOME|$HOME"', folder=tmp_path).stdout.strip()

    assert said.startswith(f"{tmp_path}/.cache|")
    assert not said.endswith(f"|{tmp_path}")
