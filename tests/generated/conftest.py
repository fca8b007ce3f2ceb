"""A generated service, installed the way its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def make_environment() -> dict[str, str]:
    """That of a developer whose PATH has our own tools (uv)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["PYTHON"] = sys.executable
    return environment


def make(service: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the service's Makefile, with our own tools (uv) on PATH."""
    return subprocess.run(
        ["make", target], cwd=service, env=make_environment(), capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="session")
def installed_service(web_api_service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the web_api service with its own virtual environment."""
    service = tmp_path_factory.mktemp("installed") / "orders"
    shutil.copytree(web_api_service, service)
    done = make(service, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    return service
