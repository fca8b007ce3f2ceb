"""Alert rules can fire."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings
from standardized_modules.checks.kubernetes._rules import STRING, metrics, rule_sample, rules
from standardized_modules.checks.tree import Overlay

ID = "SM222"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "An alert rule is broken or can never fire"
WHY = (
    "The operator loads a rule that does not parse into nothing at all. A ratio compared with more than 1, or "
    "a recorded series that nothing records, parses and never fires: the worst alert is the one you count on. "
    "SM227 asks promtool as well, where that is installed."
)
SOURCE = "https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/"
FIX = "correct the expression; `scripts/test-alerts.sh` runs the unit tests of the rules"
_RULE = "{alert: Burn, expr: 'sum(rate(http_requests_total[5m])) / sum(rate(http_requests_total[5m])) > FACTOR * 0.1'}"
BAD = rule_sample(_RULE.replace("FACTOR", "14.4"))
GOOD = rule_sample(_RULE.replace("FACTOR", "6"))
_PRODUCT = re.compile(r"ratio_rate\w+(?:\{[^}]*\})?\s*>\s*([0-9.e-]+)(?:\s*\*\s*([0-9.e-]+))?")
_QUOTIENT = re.compile(r"/[^/]*>\s*([0-9.e-]+)\s*\*\s*([0-9.e-]+)\s*$")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings in the rules of every overlay."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    recorded = {rule["record"] for _, rule in rules(overlay) if "record" in rule}
    names = [rule["record"] for _, rule in rules(overlay) if "record" in rule]
    for manifest, rule in rules(overlay):
        title, expression = rule.get("alert") or rule.get("record"), str(rule.get("expr", ""))
        for opening, closing in ("()", "[]", "{}"):
            if STRING.sub("", expression).count(opening) != STRING.sub("", expression).count(closing):
                yield manifest, f"{title}: '{opening}' and '{closing}' do not match"
        for name in sorted(metrics(expression)):
            if ":" in name and name not in recorded:
                yield manifest, f"{title}: nothing records {name}"
        for threshold in _thresholds(expression):
            if threshold >= 1:
                yield manifest, f"{title}: a ratio is never above {threshold:g}"
        if names.count(rule.get("record")) > 1 and "labels" not in rule:
            yield manifest, f"{title} is recorded twice"


def _thresholds(expression: str) -> Iterator[float]:
    for factor, budget in (*_PRODUCT.findall(expression), *_QUOTIENT.findall(expression.strip())):
        yield float(factor) * float(budget or 1)
