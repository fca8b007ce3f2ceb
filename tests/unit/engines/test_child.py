"""Children end when they are told to, when they don't want to, and when we are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from standardized_modules.engines.child import Child, wait_until
from tests.development import Marked, gone

POLITE = "print('up', flush=True); import time; time.sleep(600)"
STUBBORN = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; " + POLITE
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); " + POLITE


@pytest.fixture
def marked() -> Iterator[Marked]:
    """A mark for the processes of a test; none of them may be left at its end."""
    marked = Marked()
    yield marked
    assert gone(marked), marked.alive()


def start(code: str, marked: Marked, folder: Path) -> Child:
    """A child that has printed its first line."""
    child = Child(
        [sys.executable, "-c", code],
        environment={**os.environ, **marked.environment},
        folder=folder,
        output=subprocess.PIPE,
    )
    assert child.lines.readline() == b"up\n"
    return child


def test_a_polite_child_ends_by_itself(marked: Marked, tmp_path: Path) -> None:
    child = start(POLITE, marked, tmp_path)
    assert child.code is None
    assert child.stop(signal.SIGTERM, 10)
    assert child.code == -signal.SIGTERM
    assert gone(marked, 0)


def test_a_stubborn_child_is_killed(marked: Marked, tmp_path: Path) -> None:
    child = start(STUBBORN, marked, tmp_path)
    assert not child.stop(signal.SIGTERM, 0.2)
    assert child.wait() == -signal.SIGKILL
    assert gone(marked, 0)


def test_nobody_waits_for_a_stubborn_child_in_a_hurry(marked: Marked, tmp_path: Path) -> None:
    child = start(STUBBORN, marked, tmp_path)
    started = time.monotonic()
    assert not child.stop(signal.SIGTERM, 60, lambda: True)
    assert time.monotonic() - started < 10


def test_its_own_children_end_with_it(marked: Marked, tmp_path: Path) -> None:
    child = start(PARENT, marked, tmp_path)
    assert len(marked.alive()) == 2
    assert child.stop(signal.SIGTERM, 10)
    assert gone(marked, 2)


def test_stopping_what_has_ended_is_nothing(marked: Marked, tmp_path: Path) -> None:
    child = start("print('up', flush=True)", marked, tmp_path)
    assert child.wait() == 0
    assert child.stop(signal.SIGTERM, 10)
    assert child.stop(signal.SIGTERM, 10)
    assert child.code == 0


def test_a_command_that_does_not_exist_leaves_no_guard(tmp_path: Path) -> None:
    marked = Marked()
    os.environ.update(marked.environment)
    try:
        with pytest.raises(FileNotFoundError):
            Child([str(tmp_path / "nothing")], environment={}, folder=tmp_path, output=subprocess.DEVNULL)
        others = [each for each in marked.alive() if "read -r" in each]
    finally:
        del os.environ["SM_TEST_MARK"]
    assert others == []


@pytest.mark.parametrize("code", [POLITE, STUBBORN, PARENT])
def test_children_of_a_killed_parent_end(marked: Marked, tmp_path: Path, code: str) -> None:
    parent = f"""
import os, subprocess, sys
from pathlib import Path
from standardized_modules.engines.child import Child
child = Child([sys.executable, "-c", {code!r}], environment=os.environ, folder=Path("."), output=subprocess.PIPE)
print(child.lines.readline().decode(), end="", flush=True)
child.wait()
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=tmp_path,
        env={**os.environ, **marked.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        assert len(marked.alive()) >= 3, "the parent, the guard, the child"
        process.kill()
    assert gone(marked), marked.alive()


def test_waiting_ends_with_the_child_the_time_or_a_wish(marked: Marked, tmp_path: Path) -> None:
    child = start(POLITE, marked, tmp_path)
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), child, 10)
    assert not wait_until(lambda: False, child, 0.1)
    assert not wait_until(lambda: False, child, 600, lambda: True)
    child.stop(signal.SIGTERM, 10)
    assert not wait_until(lambda: True, child, 10)
