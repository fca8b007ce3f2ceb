"""The image runs as a user that is known by number and is not root; the manifests name the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample, stages
from standardized_modules.checks.kubernetes._manifests import deployment, pods

ID = "SM103"
SEVERITY = "error"
TITLE = "The image runs as root, or as a user without a number"
WHY = (
    "A process that breaks out of a root container is root on the node. The kubelet can't tell whether a name is "
    "root and refuses to start the pod under runAsNonRoot, and a number that differs from the manifests' reads "
    "files that belong to nobody."
)
SOURCE = "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"
FIX = "end with `USER 10001:10001` and give the pod the same number as runAsUser"
READS = ("Dockerfile", "deploy/kubernetes/*")
_PODS = deployment(pod="securityContext: {runAsUser: 10001}")
BAD = sample("USER app\n", **_PODS)
GOOD = sample("USER 10001:10001\n", **_PODS)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for the last USER of the stage that runs."""
    for stage in stages(tree)[-1:]:
        last = stage.of("USER")[-1:]
        if not last:
            yield Finding(ID, DOCKERFILE, stage.line, "the last stage has no USER: it runs as root", FIX)
        for each in last:
            user = each.value.partition(":")[0]
            if not re.fullmatch(r"[1-9]\d*", user):
                yield Finding(ID, DOCKERFILE, each.line, f"USER {each.value} is not the number of a plain user", FIX)
            elif given := _users(tree) - {int(user)}:
                yield Finding(ID, DOCKERFILE, each.line, f"the manifests run it as {sorted(given)}, not as {user}", FIX)


def _users(tree: Tree) -> set[int]:
    return {
        pod["securityContext"]["runAsUser"]
        for overlay in tree.overlays
        for _, pod, _ in pods(overlay)
        if "runAsUser" in (pod.get("securityContext") or {})
    }
