"""Version constraints, as Terraform reads them."""

import pytest

from standardized_modules.terraform_offline.versions import satisfies


@pytest.mark.parametrize(
    ("version", "constraint", "met"),
    [
        ("6.69.1", "~> 6.0", True),
        ("6.69.1", "~> 6.69.0", True),
        ("6.69.1", "~> 6.70", False),
        ("6.69.1", "~> 6", True),
        ("7.0.0", "~> 6", False),
        ("7.0.0", "~> 6.0", False),
        ("6.70.0", "~> 6.69.0", False),
        ("6.69.1", ">= 6.0, < 7.0", True),
        ("6.69.1", ">= 6.0, < 6.69.1", False),
        ("6.69.1", "6.69.1", True),
        ("6.69.1", "= 6.69.0", False),
        ("6.69.1", "!= 6.69.1", False),
        ("6.69.1", "<= 6.69.1, > 6.69", True),
        ("6.69.1", ">= 7.0.0-beta1", False),
        ("6.69.1", "", True),
    ],
)
def test_constraint(version: str, constraint: str, met: bool) -> None:
    assert satisfies(version, constraint) is met


def test_malformed_constraint_is_refused() -> None:
    with pytest.raises(ValueError, match="not a version constraint"):
        satisfies("1.0.0", "about 6")
