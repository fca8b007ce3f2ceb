"""The contract of the transport port, which `make test` checks in memory, on a real broker."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.generated.worker.brokers import Broker

LOCK_SECONDS = 5
"""Long enough for a busy machine to extend it in time: polls are counted in whole seconds."""


@pytest.mark.long
@pytest.mark.parametrize("ordered", [False, True], ids=["unordered", "ordered"])
def test_the_adapter_keeps_the_contract(broker: Broker, service: Path, tmp_path: Path, ordered: bool) -> None:
    with broker.queue(tmp_path, ordered=ordered, lock_seconds=LOCK_SECONDS) as queue:
        tested = subprocess.run(
            ["make", "test-broker"],
            cwd=service,
            env={"PATH": os.environ["PATH"], **queue.settings},
            capture_output=True,
            text=True,
            check=False,
        )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"=+ \d\d passed in ", tested.stdout), "all of them, and none skipped"
