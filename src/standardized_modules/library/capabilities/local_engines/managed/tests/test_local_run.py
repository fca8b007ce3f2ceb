"""`python -m local run`: the command gets settings, signals and its own exit code."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Addresses of servers that somebody else runs: no engine starts.
ELSEWHERE = {"APP_DATABASE_HOST": "db.example.com", "APP_CACHE_HOST": "cache.example.com"}
_WAITS = """
import pathlib, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(5))
pathlib.Path("waits").touch()
signal.pause()
"""


@pytest.fixture
def environment() -> dict[str, str]:
    """Finds the package `local` from another folder."""
    return os.environ | ELSEWHERE | {"PYTHONPATH": str(ROOT)}


def run(folder: Path, environment: dict[str, str], program: str) -> subprocess.Popen[str]:
    """Run a Python program with what it needs."""
    return subprocess.Popen(  # noqa: S603 our own code
        [sys.executable, "-m", "local", "run", "--", sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_exit_code_is_that_of_the_command(tmp_path: Path, environment: dict[str, str]) -> None:
    with run(tmp_path, environment, "import sys; sys.exit(3)") as process:
        assert process.wait(30) == 3


def test_what_is_elsewhere_is_used(tmp_path: Path, environment: dict[str, str]) -> None:
    with run(tmp_path, environment, "import os; print(os.environ['APP_CACHE_HOST'])") as process:
        output, _ = process.communicate(timeout=30)
    assert output == "cache.example.com\n"
    assert {path.name for path in (tmp_path / ".local").iterdir()} == {".gitignore", "lock"}


def _await(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_command_ends_by_the_signal_that_we_get(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with run(tmp_path, environment, _WAITS) as process:
        _await(tmp_path / "waits")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 5


@pytest.mark.parametrize("command", ["run", "reset"])
def test_who_comes_second_is_told_who_is_first(
    tmp_path: Path, environment: dict[str, str], command: str
) -> None:
    with run(tmp_path, environment, _WAITS) as first:
        _await(tmp_path / "waits")
        second = subprocess.run(  # noqa: S603 our own code
            [sys.executable, "-m", "local", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (second.returncode, f"kill {first.pid}\n" in second.stderr) == (1, True)
        first.send_signal(signal.SIGINT)


def test_reset_removes_everything(tmp_path: Path, environment: dict[str, str]) -> None:
    with run(tmp_path, environment, "pass"):
        pass
    reset = [sys.executable, "-m", "local", "reset"]
    subprocess.run(reset, cwd=tmp_path, env=environment, check=True)  # noqa: S603 our own code
    assert list(tmp_path.iterdir()) == []
