"""A service exists whole or not at all: signals, kill -9, a full disk, several runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.behaviour.test_create import CREATE, assert_complete
from tests.conftest import SM, Sm, unmeasured

DELAYS = [0.02 * step for step in range(1, 26)]
"""Seconds after the start; together they cover the run from its first import to its end."""


def start(cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*SM, *CREATE], cwd=cwd, env=unmeasured(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def whole_or_absent(folder: Path) -> bool:
    service = folder / "orders"
    if service.exists():
        assert_complete(service)
    return service.exists()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_the_whole_service_or_nothing(tmp_path: Path, signal_number: int) -> None:
    for number, delay in enumerate(DELAYS):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = start(folder)
        time.sleep(delay)
        process.send_signal(signal_number)
        _, said = process.communicate()
        # 1: the interpreter itself was interrupted before it ran a line of ours.
        before_us = process.returncode == 1 and b"KeyboardInterrupt" in said and b"standardized_modules" not in said
        # -SIGINT: CPython ends itself by the signal when it came while a string was being executed,
        # as imports do for named tuples, even though we handled it.
        assert process.returncode in {0, 130, -signal_number, -signal.SIGINT} or before_us, said
        if not whole_or_absent(folder):
            assert list(folder.iterdir()) == [], "nothing is left beside it either"


def test_an_interrupt_at_any_line_of_the_writing_leaves_the_whole_service_or_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.behaviour.interrupted_writing", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_kill_nine_leaves_the_whole_service_or_nothing_and_the_next_run_cleans_up(sm: Sm, tmp_path: Path) -> None:
    for delay in DELAYS:
        process = start(tmp_path)
        time.sleep(delay)
        process.kill()
        process.communicate()
        if whole_or_absent(tmp_path):
            break
    assert sm(*CREATE, "--force", cwd=tmp_path).returncode == 0
    assert_complete(tmp_path / "orders")
    other = tmp_path / "other"
    other.mkdir()
    (other / ".orders.sm-0123456789ab/src").mkdir(parents=True)
    assert sm(*CREATE, cwd=other).returncode == 0
    assert [path.name for path in other.iterdir()] == ["orders"]


def test_of_several_runs_at_once_one_wins_and_the_others_say_so(tmp_path: Path) -> None:
    processes = [start(tmp_path) for _ in range(4)]
    errors = [process.communicate()[1].decode() for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes == [0, 1, 1, 1], errors
    assert all("folder" in text and "hint: " in text for text in errors if text)
    assert_complete(tmp_path / "orders")
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]


LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Becomes another program whose writes fail in the kernel as on a full disk, for every user and without a mount."""


def run_limited(cwd: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LIMITED, *SM, *CREATE, *more],
        cwd=cwd,
        env={**os.environ, "XDG_CACHE_HOME": "/dev/null/none", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    done = run_limited(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "file too large" in done.stderr
    assert "nothing was left half-written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_an_existing_service_as_it_was(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "orders").rglob("*") if path.is_file()}
    done = run_limited(tmp_path, "--force", "--set", "prod.scaling.max_replicas=33")
    assert done.returncode == 1, done.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "orders").rglob("*") if path.is_file()} == before


def test_a_folder_that_can_not_be_written_is_explained(sm: Sm, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/sys")  # the kernel refuses here even root
    else:
        folder = tmp_path
        folder.chmod(0o555)
    done = sm(*CREATE, "--output-dir", folder)
    assert done.returncode == 1
    assert "--output-dir" in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    """The reader is gone before the first byte, so that every write meets EPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*SM, "explain", "web_api"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")
