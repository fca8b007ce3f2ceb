from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from standardized_modules.model.library import Library
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.load import load_library
from tests.inline import MINIMAL_LIBRARY, write_tree


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """The minimal library, loaded."""
    return load_library(write_tree(tmp_path / "library-root", MINIMAL_LIBRARY))


@pytest.fixture
def load_with(tmp_path: Path) -> Callable[[Mapping[str, str]], Library]:
    """Load the minimal library with some of its files replaced."""

    def load(changes: Mapping[str, str]) -> Library:
        return load_library(write_tree(tmp_path / "changed", {**MINIMAL_LIBRARY, **changes}))

    return load


@pytest.fixture
def spec() -> ServiceSpec:
    """A service of the pattern `web` in the sky."""
    return ServiceSpec(name="orders", patterns=("web",), cloud="sky", region="up-1", owner="team-a")
