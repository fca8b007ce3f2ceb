"""The variables that reach the service, and those that must not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import cast

import pytest

from standardized_modules.development.settings import as_shell, overridden, read_settings, with_engines
from standardized_modules.engines import Running
from standardized_modules.engines.child import Child
from standardized_modules.errors import WorkspaceError


def engine(**settings: str) -> Running:
    return Running(
        name="sqs",
        title="SQS",
        address="http://127.0.0.1:1",
        resources={},
        settings=settings,
        removed=("AWS_PROFILE",),
        notes=(),
        child=cast("Child", None),
        log=Path(),
    )


def test_a_shell_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_OUTER", "outer")
    (tmp_path / ".env.example").write_text("A=example\n")
    assert read_settings(tmp_path)["A"] == "example"
    (tmp_path / ".env").write_text("# mine\nB='two words' # said\nexport C=$SM_OUTER-c\nSM_OUTER=mine\necho noise\n")
    found = read_settings(tmp_path)
    assert "A" not in found, "one file or the other, as in the Makefile"
    assert (found["B"], found["C"], found["SM_OUTER"]) == ("two words", "outer-c", "mine")


def test_without_a_file_the_shell_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_OUTER", "outer")
    assert read_settings(tmp_path)["SM_OUTER"] == "outer"


def test_a_file_that_no_shell_understands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A='\n")
    with pytest.raises(WorkspaceError, match="the shell can't read it") as caught:
        read_settings(tmp_path)
    assert caught.value.where == str(tmp_path / ".env")


def test_engines_win_and_nothing_leads_past_them() -> None:
    found = with_engines(
        {"APP_QUEUE_URL": "https://real", "AWS_PROFILE": "prod", "HTTPS_PROXY": "http://proxy", "NO_PROXY": ".corp"},
        [engine(APP_QUEUE_URL="http://local")],
    )
    assert found["APP_QUEUE_URL"] == "http://local"
    assert "AWS_PROFILE" not in found
    assert found["NO_PROXY"] == ".corp,127.0.0.1,localhost"
    assert found["no_proxy"] == "127.0.0.1,localhost"
    assert "NO_PROXY" not in with_engines({}, [])


def test_only_values_that_differ_are_worth_a_warning() -> None:
    mine = {"A": "mine", "B": "", "C": "same"}
    assert overridden(mine, engine(A="engine's", B="engine's", C="same", D="engine's")) == ["A"]


def test_another_terminal_reads_what_the_service_got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    file = tmp_path / "env"
    file.write_text(as_shell({"A": "it's $5", "B": ""}, [engine(A="it's $5")]))
    done = subprocess.run(
        ["/bin/sh", "-c", 'set -eau; . "$1"; echo "$A|$B|${AWS_PROFILE-none}"', "sh", file],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "it's $5||none\n"
