"""promtool agrees with the alert rules and with their unit tests."""

from __future__ import annotations

import re
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

_CHATTER = re.compile(r"Checking |Unit Testing: |\s*SUCCESS\b|\s*FAILED:?$")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of every overlay; the unit tests are written for the production rules."""
    if not tree.overlays:
        return
    promtool = find_program(TOOL, INSTALL)
    for overlay in tree.overlays:
        if not overlay.error:  # SM201 says so; without its rules every unit test fails
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
                said = spoken(done.stdout + "\n" + done.stderr.replace(f"{folder}/", ""))
                yield Finding(ID, *_place(tree, overlay, said), f"promtool {' '.join(command[:2])}: {said}", FIX)
                return  # the unit tests of rules that can't be read fail for the same reason


def spoken(output: str) -> str:
    """What promtool objects to, without the files that it likes."""
    lines = (line.rstrip() for line in output.splitlines())
    return "\n".join(line for line in lines if line and not _CHATTER.match(line)).strip()


def _place(tree: Tree, overlay: Overlay, said: str) -> tuple[str, int | None]:
    """The first file that it names, and the line of the first rule."""
    folders = (f"{OVERLAYS}{overlay.name}/", f"{KUBERNETES}base/", f"{KUBERNETES}tests/")
    for name in re.findall(r"[\w.-]+\.yaml", said):
        for path in (f"{folder}{name}" for folder in folders):
            if path in tree:
                rule = re.search(r'rule \d+, "([^"]+)"', said)
                found = re.search(rf"\b(?:alert|record): *['\"]?{re.escape(rule[1])}\b", tree[path]) if rule else None
                return path, tree[path].count("\n", 0, found.start()) + 1 if found else None
    return overlay.path, None


def _file_name(tree: Tree, overlay: Overlay, manifest: dict[str, Any]) -> str:
    """The name of the file that it is written in: the unit tests refer to it."""
    path, line = tree.locate(overlay, manifest)
    return Path(path).name if line else f"{manifest['metadata']['name']}.yaml"
