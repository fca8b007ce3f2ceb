"""The firewall lets through what the service allows a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import deployment, pods, settings
from standardized_modules.checks.terraform._policies import inner
from standardized_modules.checks.terraform._session import TERRAFORM, Applied, place, session

ID = "SM513"
SEVERITY = "error"
TITLE = "The firewall blocks clients that keep to the service's limit"
WHY = (
    "The firewall counts for all pods together and blocks an address for minutes; the service counts in each pod "
    "and answers 429 with the time to wait. A client that one pod allows must never be blocked at the door. More "
    "than that can't be asked: pods times limit grows with the autoscaler, the firewall's number does not."
)
SOURCE = "https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html"
FIX = "let the firewall's limit be at least the client's, scaled to the firewall's window; twice leaves room"
READS = ("deploy/terraform/*", "deploy/kubernetes/*")
_ACL = """\
resource "aws_wafv2_web_acl" "service" {
  name  = "orders"
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate-limit"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit = LIMIT
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate-limit"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "orders"
    sampled_requests_enabled   = true
  }
}
"""
_PODS = deployment(
    "env: [{name: APP_RATE_LIMIT_REQUESTS, value: '600'}, {name: APP_RATE_LIMIT_WINDOW_SECONDS, value: '60'}]"
)
BAD = {**_PODS, f"{TERRAFORM}main.tf": _ACL.replace("LIMIT", "2000")}
GOOD = {**_PODS, f"{TERRAFORM}main.tf": _ACL.replace("LIMIT", "6000")}
_DURATIONS = {"OneMin": 60, "FiveMins": 300}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each environment whose firewall is stricter than its service."""
    limits = {overlay.name: _client(settings(overlay, pod)) for overlay in tree.overlays for _, pod, _ in pods(overlay)}
    if not any(limits.values()):
        return
    for applied in session(tree).applied():
        rate = limits.get(applied.environment or "prod")
        for address, limit, window in _firewalls(applied) if rate else ():
            if rate and limit < rate * window:
                path, line = place(tree, applied.root, address)
                message = (
                    f"{address} ({applied.environment}): {limit:g} in {window} s, one pod allows {rate * window:g}"
                )
                yield Finding(ID, path, line, message, FIX)


def _client(given: dict[str, str]) -> float | None:
    """Requests a second that one pod allows a client; None without a limit."""
    requests, window = given.get("APP_RATE_LIMIT_REQUESTS"), given.get("APP_RATE_LIMIT_WINDOW_SECONDS")
    return float(requests) / float(window) if requests and window and float(requests) else None


def _firewalls(applied: Applied) -> Iterator[tuple[str, float, int]]:
    for address, values in applied.of("aws_wafv2_web_acl"):
        for rule in inner(values, "rule.statement.rate_based_statement"):
            if isinstance(rule, dict) and rule.get("limit"):
                yield address, float(rule["limit"]), int(rule.get("evaluation_window_sec") or 300)
    for address, values in applied.of("azurerm_web_application_firewall_policy"):
        rules: list[Any] = inner(values, "custom_rules")
        for rule in rules:
            if isinstance(rule, dict) and rule.get("rate_limit_threshold"):
                yield address, float(rule["rate_limit_threshold"]), _DURATIONS.get(rule["rate_limit_duration"], 60)
