"""SM310 looks at what decides whether clients of a database may do without TLS."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.terraform import encryption
from standardized_modules.checks.terraform._policies import sample

PROXY = """\
resource "aws_db_proxy" "database" {
  name           = "orders"
  engine_family  = "POSTGRESQL"
  role_arn       = "arn:aws:iam::111122223333:role/proxy"
  vpc_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
  LINE
}
"""
PARAMETERS = """\
resource "aws_db_parameter_group" "database" {
  name   = "orders"
  family = "postgres17"

  parameter {
    name  = "NAME"
    value = "VALUE"
  }
}
"""


def messages(hcl: str) -> list[str]:
    return [finding.message for finding in encryption.check(Tree(sample(hcl)))]


@pytest.mark.parametrize("line", ["", "require_tls = false"])
def test_a_proxy_that_does_not_insist_is_found(line: str) -> None:
    (message,) = messages(PROXY.replace("LINE", line))

    assert "require_tls is false" in message


def test_a_proxy_that_insists_is_not() -> None:
    assert messages(PROXY.replace("LINE", "require_tls = true")) == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("rds.force_ssl", "0", True),
        ("rds.force_ssl", "1", False),
        ("require_secure_transport", "OFF", True),
        ("log_lock_waits", "0", False),
    ],
)
def test_a_parameter_that_turns_tls_off_is_found(name: str, value: str, found: bool) -> None:
    assert bool(messages(PARAMETERS.replace("NAME", name).replace("VALUE", value))) is found
