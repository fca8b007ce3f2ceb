"""A generated service, installed the way its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


@pytest.hookimpl(trylast=True)  # After pytest's own sorting by fixtures.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each worker of xdist long tests first, so that none of them is what all wait for in the end.

    `--dist worksteal` cuts the list in as many parts as there are workers, each begins at the start of its
    part, and who is idle takes the latter half of somebody's rest. So the long ones are dealt to the starts
    of the parts; a long one at the end of a part would begin when the others have nothing left to do.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = dealt([each for each in items if each.get_closest_marker("long")], workers, items)


def dealt(first: Sequence[T], parts: int, every: Sequence[T]) -> list[T]:
    """All of them, in parts as xdist makes them, each of which begins with its share of the first ones."""
    others = iter([each for each in every if each not in first])
    order: list[T] = []
    for part in range(parts):
        share = first[part::parts]
        size = (len(every) - len(order)) // (parts - part)
        order += [*share, *islice(others, max(0, size - len(share)))]
    return order


def make_environment() -> dict[str, str]:
    """That of a developer whose PATH has our own tools (uv)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["PYTHON"] = sys.executable
    return environment


def make(service: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the service's Makefile, with our own tools (uv) on PATH."""
    return subprocess.run(
        ["make", target], cwd=service, env=make_environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def installed_service(web_api_service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the web_api service with its own virtual environment."""
    service = tmp_path_factory.mktemp("installed") / "orders"
    shutil.copytree(web_api_service, service)
    done = make(service, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    return service
