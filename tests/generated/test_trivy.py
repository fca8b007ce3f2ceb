"""trivy, which users bring themselves, finds nothing in services that we generate."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree, discover
from tests.golden_services import GOLDEN, SERVICES

pytestmark = pytest.mark.usefixtures("trivy_on_path")


@pytest.mark.parametrize("name", SERVICES)
def test_it_finds_nothing(name: str) -> None:
    (check,) = (each for each in discover() if each.ID == "SM541")
    assert list(check.check(Tree.read(GOLDEN / name))) == []
