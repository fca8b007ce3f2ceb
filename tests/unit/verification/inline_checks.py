"""Small checks written to a folder, for tests of what runs checks."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from pathlib import Path

import pytest

from standardized_modules.checks import CheckInfo

HEAD = "from standardized_modules.checks import Finding, ToolMissingError\n"


class InlineChecks:
    """Writes modules of checks and gives what the index would say about them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, check_id: str, body: str, **constants: object) -> CheckInfo:
        """A check whose `check(tree)` has this body."""
        module = f"inline_{check_id.lower()}_{hashlib.sha256(body.encode()).hexdigest()[:8]}"
        text = f"{HEAD}\n\ndef check(tree):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        (self._folder / f"{module}.py").write_text(text, encoding="utf-8")
        about = {"severity": "error", "title": "T", "why": "W", "source": "https://x", "fix": "F"} | constants
        return CheckInfo(id=check_id, module=module, digest=hashlib.sha256(text.encode()).hexdigest(), **about)  # type: ignore[arg-type]


@pytest.fixture
def inline_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InlineChecks:
    """Makes checks that can be imported during this test."""
    folder = tmp_path / "inline-checks"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    assert str(folder) in sys.path
    return InlineChecks(folder)
