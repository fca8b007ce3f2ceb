"""What is committed below tests/golden/ is what `sm` generates: any drift fails, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from standardized_modules import InfrastructurePatternEngine
from tests.golden_services import GOLDEN, SERVICES


def committed(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", SERVICES)
def test_golden(name: str) -> None:
    """Write them anew with `make golden`, and read the diff."""
    engine = InfrastructurePatternEngine.load()
    tree = engine.render(engine.resolve(engine.compose(engine.spec(name, **SERVICES[name]))))
    rendered = {path: (file.content, file.executable) for path, file in tree}
    stored = committed(GOLDEN / name)
    assert sorted(stored) == sorted(rendered)
    assert [path for path in stored if stored[path] != rendered[path]] == []


def test_the_readme_counts_the_files_of_its_example() -> None:
    readme = (GOLDEN.parents[1] / "README.md").read_text()
    assert f"orders: web_api on aws (eu-west-1), {len(committed(GOLDEN / 'orders'))} files in orders\n" in readme


def test_no_folder_without_a_service() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(SERVICES)
