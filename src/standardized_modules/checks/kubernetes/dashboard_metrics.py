"""Dashboards and alerts use metrics that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._dashboards import dashboards, line_of
from standardized_modules.checks.kubernetes._manifests import findings
from standardized_modules.checks.kubernetes._rules import metrics, rules

ID = "SM223"
SEVERITY = "error"
READS = ("deploy/kubernetes/*", "src/*.py")
TITLE = "A panel or an alert shows a metric that nobody exports"
WHY = (
    "A metric that was renamed in the code leaves an empty panel and an alert that never fires, and nothing "
    "says so. Names must be registered in the service's source, recorded by a rule, or come from an exporter "
    "that every cluster has."
)
SOURCE = "https://prometheus.io/docs/practices/naming/"
FIX = "use the name as the code registers it (a Counter gets `_total`, a Histogram `_bucket`, `_sum`, `_count`)"
_CODE = {"src/orders/metrics.py": 'Counter("http_requests", "Requests.")\n'}
_BOARD = '{"panels": [{"id": 1, "type": "stat", "title": "t", "targets": [{"expr": "sum(NAME)"}]}]}\n'
_PATH = "deploy/kubernetes/overlays/prod/dashboards/overview.json"
BAD = {**_CODE, _PATH: _BOARD.replace("NAME", "http_request_total")}
GOOD = {**_CODE, _PATH: _BOARD.replace("NAME", "http_requests_total")}
EXPORTERS = frozenset(
    {"up", "ALERTS", "ALERTS_FOR_STATE"}
    # KEDA's operator: https://keda.sh/docs/latest/integrations/prometheus/
    | {f"keda_{n}" for n in ("scaler_metrics_value", "scaled_object_errors_total", "scaled_object_paused")}
    # kubelet (cAdvisor): https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
    | {"container_cpu_usage_seconds_total", "container_memory_working_set_bytes"}
    # kube-state-metrics: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
    | {f"kube_deployment_{n}" for n in ("spec_replicas", "status_condition", "status_observed_generation")}
    | {f"kube_deployment_status_{n}" for n in ("replicas", "replicas_available")}
    | {f"kube_deployment_status_replicas_{n}" for n in ("ready", "unavailable", "updated")}
    | {f"kube_horizontalpodautoscaler_spec_{n}_replicas" for n in ("min", "max")}
    | {f"kube_horizontalpodautoscaler_status_{n}_replicas" for n in ("current", "desired")}
    | {f"kube_job_{n}" for n in ("complete", "created", "failed")}
    | {f"kube_cronjob_{n}" for n in ("created", "status_last_successful_time")}
    | {f"kube_pod_container_{n}" for n in ("resource_limits", "resource_requests", "status_restarts_total")}
)
_SUFFIX = re.compile(r"_(total|bucket|sum|count|created|info)$")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for expressions of panels, annotations, variables and rules."""
    source = set(re.findall(r'"([a-zA-Z_:][a-zA-Z0-9_:]+)"', "\n".join(tree[p] for p in tree.glob("src/*.py"))))
    if not source:
        return
    recorded = {rule["record"] for overlay in tree.overlays for _, rule in rules(overlay) if "record" in rule}
    known = source | recorded | EXPORTERS
    for path, model, _ in dashboards(tree):
        for expression in _expressions(model):
            for name in sorted(n for n in metrics(expression) if not _exists(n, known)):
                if ":" in name and any(overlay.error for overlay in tree.overlays):
                    continue  # recorded by a rule, perhaps of the overlay that SM201 says does not build
                yield Finding(ID, path, line_of(tree[path], name), f"nothing exports {name}", FIX)
    yield from findings(
        tree, ID, FIX,
        lambda overlay: (
            (manifest, f"{rule.get('alert') or rule.get('record')}: nothing exports {name}")
            for manifest, rule in rules(overlay)
            for name in sorted(metrics(str(rule.get("expr", ""))))
            if not _exists(name, known)
        ),
    )  # fmt: skip


def _exists(name: str, known: set[str] | frozenset[str]) -> bool:
    return name in known or _SUFFIX.sub("", name) in known


def _expressions(model: object) -> Iterator[str]:
    if isinstance(model, dict):
        if isinstance(model.get("expr"), str):
            yield model["expr"]
        query = model.get("query")
        if isinstance(query, str) and (found := re.fullmatch(r"label_values\((.*),\s*\w+\)", query)):
            yield found[1]
        for value in model.values():
            yield from _expressions(value)
    elif isinstance(model, list):
        for value in model:
            yield from _expressions(value)
