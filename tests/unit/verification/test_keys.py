"""Keys of results: everything that decides a result changes its key, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from standardized_modules.checks import Tree, index
from standardized_modules.verification.keys import keys
from tests.unit.verification.inline_checks import InlineChecks


@pytest.mark.parametrize("program", ["tofu", "shellcheck", "promtool", "inline-tool"])
def test_a_program_that_appears_or_is_replaced_changes_the_key(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standardized_modules.verification.keys.PROGRAMS", ("inline-tool", "tofu", "shellcheck"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-folder" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = {_key(Tree({}))}

    for size in (1, 2):
        (tmp_path / program).write_text("x" * size)
        (tmp_path / program).chmod(0o755)
        seen.add(_key(Tree({})))

    assert len(seen) == 3


def test_what_terraform_has_installed_counts_online_alone(tmp_path: Path) -> None:
    def both() -> tuple[str, str]:
        return _key(Tree({}, root=tmp_path)), _key(Tree({}, root=tmp_path, online=True))

    before = both()
    (tmp_path / "deploy/terraform/.terraform/providers").mkdir(parents=True)
    (tmp_path / "deploy/terraform/.terraform/providers/aws").write_text("binary")
    after = both()

    assert before[0] == after[0]
    assert before[1] != after[1]
    assert len({*before, *after}) == 3


def test_a_file_counts_for_the_checks_that_read_it(inline_check: InlineChecks) -> None:
    check = inline_check("SM901", "return iter(())", reads=("*.tf",))

    def key(files: dict[str, str]) -> str:
        return keys(Tree(files), [check], {})["SM901"]

    assert key({"a.tf": "", "b.py": "1"}) == key({"a.tf": "", "b.py": "2"})
    assert key({"a.tf": "1"}) != key({"a.tf": "2"})
    assert key({"a.tf": ""}) != key({"b.tf": ""})


def _key(tree: Tree) -> str:
    check = index()[0]
    return keys(tree, [check], {"checkov": "1"})[check.id]
