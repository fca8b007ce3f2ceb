"""zizmor finds no way into the pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import on_disk, run
from standardized_modules.checks.workflow._workflows import FOLDER, sample

ID = "SM402"
SEVERITY = "error"
TITLE = "zizmor finds a weakness in a workflow"
WHY = (
    "The pipeline holds the keys to production. A title of a pull request that becomes shell code, a token that "
    "stays on disk after the checkout, a trigger that runs strangers' code with secrets: each is a known way in."
)
SOURCE = "https://docs.zizmor.sh/audits/"
FIX = "follow the audit's page; pass values to the shell as environment variables"
READS = (".github/*",)
TOOL = "zizmor"
INSTALL = "pip install zizmor==1.32.0"
BAD = sample("run: echo ${{ github.event.pull_request.title }}")
GOOD = sample(top="permissions: {}\n\nconcurrency:\n  group: ci-${{ github.ref }}\n  cancel-in-progress: true")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of zizmor's pedantic persona, without asking the network."""
    if not tree.glob(f"{FOLDER}*"):
        return
    with on_disk(tree, ".github/*") as folder:
        done = run(
            TOOL,
            INSTALL,
            "--offline",
            "--quiet",
            "--persona",
            "pedantic",
            "--format",
            "json-v1",
            ".github",
            folder=folder,
        )
        if not done.stdout.strip():
            yield Finding(ID, next(iter(tree.glob(f"{FOLDER}*"))), None, f"zizmor stopped: {done.stderr.strip()}", FIX)
            return
        for item in json.loads(done.stdout):
            if item.get("ignored"):
                continue  # an inline suppression, shown in the ledger
            place = next(p for p in item["locations"] if p["symbolic"].get("kind", "Primary") == "Primary")
            path = str(place["symbolic"]["key"]["Local"]["verbatim_path"])
            line = place["concrete"]["location"]["start_point"]["row"] + 1
            yield Finding(ID, path, line, f"{item['ident']}: {item['desc']}", FIX)
