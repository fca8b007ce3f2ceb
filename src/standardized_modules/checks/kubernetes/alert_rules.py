"""Alert rules can fire, and promtool agrees with them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, spec_of
from standardized_modules.checks.kubernetes._rules import STRING, metrics, rule_sample, rules
from standardized_modules.checks.tree import KUBERNETES, OVERLAYS, Overlay

ID = "SM222"
SEVERITY = "error"
TITLE = "An alert rule is broken or can never fire"
WHY = (
    "The operator loads a rule that does not parse into nothing at all. A ratio compared with more than 1, or "
    "a recorded series that nothing records, parses and never fires: the worst alert is the one you count on. "
    "Its syntax is checked by promtool where that is installed, brackets and names are in any case."
)
SOURCE = "https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/"
FIX = "correct the expression; `scripts/test-alerts.sh` runs the unit tests of the rules"
_RULE = "{alert: Burn, expr: 'sum(rate(http_requests_total[5m])) / sum(rate(http_requests_total[5m])) > FACTOR * 0.1'}"
BAD = rule_sample(_RULE.replace("FACTOR", "14.4"))
GOOD = rule_sample(_RULE.replace("FACTOR", "6"))
_PRODUCT = re.compile(r"ratio_rate\w+(?:\{[^}]*\})?\s*>\s*([0-9.e-]+)(?:\s*\*\s*([0-9.e-]+))?")
_QUOTIENT = re.compile(r"/[^/]*>\s*([0-9.e-]+)\s*\*\s*([0-9.e-]+)\s*$")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings by our own reading; promtool's, which take seconds, when that finds nothing."""
    own = list(findings(tree, ID, FIX, _inspect))
    yield from own
    promtool = shutil.which("promtool")
    if promtool and not own:
        for overlay in tree.overlays:
            yield from _promtool(promtool, tree, overlay)


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
