"""One set of offline providers for the whole session: starting them and reading schemas is most of a test's time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from standardized_modules.terraform_offline import (
    TerraformCore,
    addresses_in,
    attached,
    offline_provider_set,
)
from standardized_modules.terraform_offline.provider import OfflineProvider

HCL = Path(__file__).parent / "hcl"


@pytest.fixture(scope="session")
def providers() -> list[OfflineProvider]:
    return offline_provider_set(set().union(*(addresses_in(folder) for folder in HCL.iterdir())))


@pytest.fixture(scope="session")
def core(providers: list[OfflineProvider]) -> Iterator[TerraformCore]:
    with attached(providers) as environment:
        yield TerraformCore.find(environment)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """A copy of one of the HCL folders in which a text that occurs there is replaced (everywhere it occurs once)."""

    def change(folder: str, old: str, new: str) -> Path:
        hits = 0
        for file in (HCL / folder).iterdir():
            text = file.read_text()
            hits += text.count(old)
            (tmp_path / file.name).write_text(text.replace(old, new, 1))
        assert hits, f"{old!r} is not in {folder}"
        return tmp_path

    return change
