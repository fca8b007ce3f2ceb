"""checkov finds nothing in Terraform, the built manifests, the Dockerfile and the workflows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from standardized_modules.checks import Finding, ToolMissingError, Tree
from standardized_modules.checks.kubernetes._manifests import without_hash
from standardized_modules.checks.programs import on_disk, run_command

ID = "SM540"
SEVERITY = "error"
TITLE = "checkov finds a misconfiguration"
WHY = (
    "checkov brings some thousand rules for Terraform, Kubernetes, Dockerfiles and workflows, which auditors and "
    "security teams run anyway. Manifests are built first: patches alone are halves of objects. What is suppressed "
    "stands beside the code with its reason, and in the ledger."
)
SOURCE = "https://www.checkov.io/5.Policy%20Index/all.html"
FIX = "follow the rule's guideline, or suppress it beside the code: `checkov:skip=<rule>:<reason>`"
READS = ("deploy/*", "Dockerfile", ".github/*")
INSTALL = "pip install checkov==3.3.30"
EXCLUSIVE = True
_TOPIC = 'resource "aws_sns_topic" "alarms" {\n  name = "alarms"\nKEY}\n'
BAD = {"deploy/terraform/main.tf": _TOPIC.replace("KEY", "")}
GOOD = {"deploy/terraform/main.tf": _TOPIC.replace("KEY", '  kms_master_key_id = "alias/orders"\n')}
FRAMEWORKS = ("terraform", "kubernetes", "dockerfile", "github_actions")
_BUILT = "built/"


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of one run over all frameworks: importing checkov takes longer than any of them."""
    if not any(path in tree for path in ("Dockerfile",)) and not tree.glob("deploy/*") and not tree.glob(".github/*"):
        return
    with on_disk(tree, "deploy/terraform/*", "Dockerfile", ".github/*") as folder:
        for overlay in tree.overlays:
            target = folder / _BUILT / f"{overlay.name}.yaml"
            target.parent.mkdir(exist_ok=True)
            target.write_text(yaml.safe_dump_all(overlay.manifests), encoding="utf-8")
        seen = set()
        for failed in _failed(folder):
            path, line = _place(tree, failed)
            message = f"{failed['check_id']}: {failed['check_name']} ({without_hash(failed['resource'])})"
            finding = Finding(ID, path, line, message, FIX)
            if finding not in seen:
                seen.add(finding)
                yield finding


def _failed(folder: Path) -> Iterator[Mapping[str, Any]]:
    command = [sys.executable, "-m", "checkov.main", "--directory", str(folder), "--framework", *FRAMEWORKS]
    options = ["--skip-download", "--output", "json", "--quiet", "--compact"]
    done = run_command(*command, *options, folder=folder)
    if "No module named" in done.stderr and "checkov" in done.stderr:
        raise ToolMissingError("checkov is not installed", hint=INSTALL)
    try:
        reports = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"checkov printed no report: {done.stderr.strip()[-500:]}") from None
    for report in reports if isinstance(reports, list) else [reports]:
        yield from report.get("results", {}).get("failed_checks", ())


def _place(tree: Tree, failed: Mapping[str, Any]) -> tuple[str, int | None]:
    path = str(failed["file_path"]).lstrip("/")
    if path.startswith(_BUILT):
        overlay = next(each for each in tree.overlays if each.name == Path(path).stem)
        kind, *_, name = str(failed["resource"]).split(".")
        manifest = overlay.find(kind, name)
        return tree.locate(overlay, manifest) if manifest else (overlay.path, None)
    line = (failed.get("file_line_range") or [None])[0]  # 0 is the whole file
    return (path if path in tree else next(iter(tree))), line or None
