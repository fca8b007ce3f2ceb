"""promtool agrees with the alert rules and with their unit tests."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import spec_of
from standardized_modules.checks.kubernetes._rules import rule_sample
from standardized_modules.checks.tree import KUBERNETES, OVERLAYS, Overlay, find_program

ID = "SM227"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TOOL = "promtool"
INSTALL = "apt-get install prometheus, or https://prometheus.io/download/"
TITLE = "promtool refuses an alert rule, or one of its unit tests fails"
WHY = (
    "promtool is Prometheus' own parser and evaluator: an unknown function, a wrong unit or an aggregation over "
    "the wrong label shows in it and nowhere else before the rule is needed. The unit tests show that the alert "
    "fires when it should, and is silent when it should be."
)
SOURCE = "https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/"
FIX = "correct the expression; `scripts/test-alerts.sh` runs the unit tests of the rules"
BAD = rule_sample("{alert: Slow, expr: 'histogram_quantil(0.99, http_request_duration_seconds_bucket) > 1'}")
GOOD = rule_sample("{alert: Slow, expr: 'histogram_quantile(0.99, http_request_duration_seconds_bucket) > 1'}")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of every overlay; the unit tests are written for the production rules."""
    if not tree.overlays:
        return
    promtool = find_program(TOOL, INSTALL)
    for overlay in tree.overlays:
        yield from _promtool(promtool, tree, overlay)


def _promtool(promtool: str, tree: Tree, overlay: Overlay) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for manifest in overlay.of("PrometheusRule"):
            path = folder / _file_name(tree, overlay, manifest)
            path.write_text(yaml.safe_dump(spec_of(manifest)), encoding="utf-8")
            files.append(str(path))
        commands = [["check", "rules", *files]] if files else []
        if overlay.path == f"{OVERLAYS}prod/kustomization.yaml":
            tests = tree.glob(f"{KUBERNETES}tests/*.test.yaml")
            for test in tests:
                (folder / Path(test).name).write_text(tree[test], encoding="utf-8")
            commands += [["test", "rules", *(str(folder / Path(test).name) for test in tests)]] if tests else []
        for command in commands:
            done = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
            if done.returncode:
                said = (done.stdout + done.stderr).replace(f"{folder}/", "").strip()
                yield Finding(ID, overlay.path, None, f"promtool {' '.join(command[:2])}: {said}", FIX)


def _file_name(tree: Tree, overlay: Overlay, manifest: dict[str, Any]) -> str:
    """The name of the file that it is written in: the unit tests refer to it."""
    path, line = tree.locate(overlay, manifest)
    return Path(path).name if line else f"{manifest['metadata']['name']}.yaml"
