"""The image exposes the ports that the manifests name."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, ports, sample, stages
from standardized_modules.checks.kubernetes._manifests import containers, deployment, pods

ID = "SM107"
SEVERITY = "error"
TITLE = "EXPOSE and the manifests' container ports differ"
WHY = (
    "EXPOSE is what people and tools read to learn where the image listens: compose, `docker run -P`, scanners. "
    "One that differs from the pod's ports shows that one of the two was forgotten in a change."
)
SOURCE = "https://docs.docker.com/reference/dockerfile/#expose"
FIX = "list the container ports of the Deployment in EXPOSE of the last stage"
READS = ("Dockerfile", "deploy/kubernetes/*")
_PODS = deployment("ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]")
BAD = sample("EXPOSE 8000 9090\n", **_PODS)
GOOD = sample("EXPOSE 8080 9090\n", **_PODS)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each overlay whose ports are others; once for all that agree."""
    if not stages(tree):
        return
    exposed = ports(tree)
    given = {
        frozenset(
            port["containerPort"]
            for _, pod, _ in pods(overlay)
            for container in containers(pod)
            for port in container.get("ports") or ()
        )
        for overlay in tree.overlays
        if not overlay.error
    }
    for wanted in sorted(given, key=sorted):
        if wanted != set(exposed):
            message = f"exposes {sorted(exposed)}, the containers listen on {sorted(wanted)}"
            yield Finding(ID, DOCKERFILE, next(iter(exposed.values()), None), message, FIX)
