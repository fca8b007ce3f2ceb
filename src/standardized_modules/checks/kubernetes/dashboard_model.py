"""Dashboards are models that Grafana reads without losing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._dashboards import dashboards, line_of

ID = "SM224"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A dashboard is not what Grafana reads"
WHY = (
    "Grafana ignores fields it does not know. Read into Grafana's own model and written again, a field that is "
    "gone was misspelt; two panels of one id, or a panel without the namespace variable, show the wrong thing."
)
SOURCE = "https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/"
FIX = "correct the field that is named; panel ids are unique, queries use $namespace"
_BOARD = '{"title": "t", "FIELD": "now", "panels": []}\n'
_PATH = "deploy/kubernetes/overlays/prod/dashboards/overview.json"
BAD = {_PATH: _BOARD.replace("FIELD", "refersh")}
GOOD = {_PATH: _BOARD.replace("FIELD", "refresh")}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every dashboard."""
    for path, model, error in dashboards(tree):
        if model is None:
            yield Finding(ID, path, None, error, FIX)
            continue
        for message, part in (*_lost(model), *_panels(model)):
            yield Finding(ID, path, line_of(tree[path], part), message, FIX)


def _lost(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    encoded = JSONEncoder(sort_keys=True).encode(Dashboard.from_json(model))
    again = json.loads(encoded)
    for path in _missing(model, again, ""):
        yield f"Grafana does not know {path}", f'"{path.rpartition(".")[2]}"'


def _missing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict):
        for key, value in before.items():
            if not isinstance(after, dict) or key not in after:
                if value not in (None, {}, []):
                    yield f"{path}.{key}".lstrip(".")
            else:
                yield from _missing(value, after[key], f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _missing(one, other, f"{path}.{index}")


def _panels(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    panels = model.get("panels") or []
    ids = [panel.get("id") for panel in panels]
    for panel in panels:
        title = str(panel.get("title"))
        if ids.count(panel.get("id")) > 1:
            yield f"the id {panel.get('id')} of {title!r} is there twice", title
        if panel.get("type") != "row" and not panel.get("targets"):
            yield f"panel {title!r} has no query", title
