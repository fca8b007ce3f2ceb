"""Leaving unused blocks out of a schema changes its size, and no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from standardized_modules.terraform_offline import TerraformCore, addresses_in, attached, messages, offline_provider_set
from standardized_modules.terraform_offline.provider import OfflineProvider
from standardized_modules.terraform_offline.pruning import pruned, words_in

GOOD = """\
resource "aws_wafv2_web_acl" "main" {
  scope = "REGIONAL"
  default_action {
    ALLOW {}
  }
  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "main"
    sampled_requests_enabled   = true
  }
}
"""


@pytest.mark.parametrize(("block", "errors"), [("allow", []), ("permit", ["Unsupported block type"])])
def test_answers_are_the_same_with_a_schema_of_a_tenth(tmp_path: Path, block: str, errors: list[str]) -> None:
    (tmp_path / "main.tf").write_text(GOOD.replace("ALLOW", block))
    (provider,) = offline_provider_set(addresses_in(tmp_path))
    small = OfflineProvider(provider.name, pruned(provider.schema, words_in([tmp_path])))

    with attached([provider]) as environment:
        full = TerraformCore.find(environment).validate(tmp_path)
    with attached([small]) as environment:
        cut = TerraformCore.find(environment).validate(tmp_path)

    assert full == cut
    assert [each.summary for each in cut] == errors
    assert len(messages.provider_schema(small.schema)) * 10 < len(messages.provider_schema(provider.schema))
