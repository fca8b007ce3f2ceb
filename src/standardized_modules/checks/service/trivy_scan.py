"""trivy finds nothing severe, where it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import on_disk, run

ID = "SM541"
SEVERITY = "error"
TITLE = "trivy finds a severe misconfiguration or a secret"
WHY = (
    "A second opinion with rules of its own, and a search for secrets in every file. The service's pipeline runs "
    "the same scan, with the same severities, before it builds an image."
)
SOURCE = "https://trivy.dev/latest/docs/scanner/misconfiguration/"
FIX = "follow the rule's page, https://avd.aquasec.com/misconfig/<rule>; a secret that was committed is renewed"
TOOL = "trivy"
INSTALL = "brew install trivy, or https://trivy.dev/latest/getting-started/installation/"
EXCLUSIVE = True
BAD = {"Dockerfile": "FROM python:3.13-slim-trixie\nUSER root\n"}
GOOD = {"Dockerfile": "FROM python:3.13-slim-trixie\nUSER 10001:10001\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of severity high and critical; manifests are left to checkov, patches are halves of objects."""
    with on_disk(tree, "*") as folder:
        options = ["--quiet", "--format", "json", "--scanners", "misconfig,secret", "--severity", "HIGH,CRITICAL"]
        offline = ["--offline-scan", "--skip-check-update"]
        command = ["fs", *options, *(offline if not tree.online else []), "--skip-dirs", "deploy/kubernetes", "."]
        done = run(TOOL, INSTALL, *command, folder=folder)
        if done.returncode:
            raise RuntimeError(f"trivy stopped: {done.stderr.strip()[-500:]}")
        for result in json.loads(done.stdout).get("Results") or ():
            path = str(result["Target"])
            path = path if path in tree else next(iter(tree))
            for item in result.get("Misconfigurations") or ():
                line = item.get("CauseMetadata", {}).get("StartLine")
                yield Finding(ID, path, line, f"{item['ID']}: {item['Message']}", FIX)
            for item in result.get("Secrets") or ():
                yield Finding(ID, path, item.get("StartLine"), f"{item['RuleID']}: {item['Title']}", FIX)
