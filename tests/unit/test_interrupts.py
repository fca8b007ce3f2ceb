"""An interrupt stays one when Python turns it into another exception."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.conftest import unmeasured

SCRIPT = textwrap.dedent(
    """
    import os, signal, sys
    from standardized_modules.cli import app

    class Interrupted:
        def __set_name__(self, owner, name):
            os.kill(os.getpid(), signal.{name})

    def command(**_):
        type("Made", (), {{"field": Interrupted()}})  # Python 3.11 makes a RuntimeError of it

    app.cli.main = command
    app.main([])
    """
)


def test_an_interrupt_while_a_class_is_made_is_no_bug() -> None:
    for name in ("SIGTERM", "SIGINT"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(name=name)],
            env=unmeasured(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (130, "interrupted; nothing was left half-written\n")
