"""A server for each test, and the service's jobs on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.generated.data.jobs.jobs import Jobs, open_jobs
from tests.generated.data.servers import Server


@pytest.fixture
def jobs(service: Path, postgresql: Server, credentials: Path) -> Iterator[Jobs]:
    """See Jobs."""
    with TemporaryDirectory() as folder, open_jobs(service, postgresql, credentials, Path(folder)) as opened:
        yield opened
