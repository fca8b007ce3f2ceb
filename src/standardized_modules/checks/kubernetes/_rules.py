"""Alerting and recording rules of an overlay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from standardized_modules.checks.kubernetes._manifests import sample, spec_of
from standardized_modules.checks.tree import Manifest, Overlay

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def rules(overlay: Overlay) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Every rule with the PrometheusRule that holds it."""
    for manifest in overlay.of("PrometheusRule"):
        for group in spec_of(manifest).get("groups") or ():
            for rule in group.get("rules") or ():
                yield manifest, rule


def rule_sample(rule: str, **files: str) -> dict[str, str]:
    """A sample with one rule, given as YAML in flow style."""
    manifest = (
        "{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: orders}, "
        f"spec: {{groups: [{{name: orders, rules: [{rule}]}}]}}}}\n"
    )
    return sample(manifest, **files)


KEYWORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "by",
        "without",
        "offset",
        "bool",
        "sum",
        "min",
        "max",
        "avg",
        "count",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "group",
        "count_values",
        "rate",
        "irate",
        "increase",
        "delta",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "absent",
        "absent_over_time",
        "histogram_quantile",
        "label_replace",
        "label_join",
        "label_values",
        "vector",
        "scalar",
        "time",
        "abs",
        "ceil",
        "floor",
        "round",
        "clamp",
        "clamp_min",
        "clamp_max",
        "exp",
        "ln",
        "log2",
        "log10",
        "sqrt",
        "sort",
        "sort_desc",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "sum_over_time",
        "count_over_time",
        "last_over_time",
        "quantile_over_time",
        "predict_linear",
        "inf",
        "nan",
        "start",
        "end",
        "atan2",
    ]
)
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE)
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def metrics(expression: str) -> set[str]:
    """Names of the metrics in a PromQL expression."""
    text = STRING.sub('""', expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\$\{?\w+\}?", " ", text)
    text = _GROUPING.sub(" ", text)
    text = re.sub(r"\b[0-9][0-9a-z.]*\b", " ", text)
    return {name for name in _METRIC.findall(text) if name.lower() not in KEYWORDS}
