"""The image says how to ask whether it is well."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample, stages

ID = "SM104"
SEVERITY = "warning"
TITLE = "The image has no HEALTHCHECK"
WHY = (
    "Compose, a single machine and the pipeline's own start test have no probes: without a HEALTHCHECK a process "
    "that hangs counts as running, and `depends_on: service_healthy` can't wait for it. Kubernetes ignores it."
)
SOURCE = "https://docs.docker.com/reference/dockerfile/#healthcheck"
FIX = "add HEALTHCHECK with interval and timeout to the last stage, asking the readiness path"
READS = ("Dockerfile",)
BAD = sample("HEALTHCHECK NONE\n")
GOOD = sample('HEALTHCHECK --timeout=3s CMD ["python", "-m", "orders.probe"]\n')


def check(tree: Tree) -> Iterator[Finding]:
    """A finding when the stage that runs has none, or one that never gives up waiting."""
    for stage in stages(tree)[-1:]:
        last = stage.of("HEALTHCHECK")[-1:]
        if not last or last[0].value.upper() == "NONE":
            yield Finding(ID, DOCKERFILE, last[0].line if last else stage.line, "no HEALTHCHECK", FIX)
        elif "--timeout=" not in last[0].value:
            yield Finding(ID, DOCKERFILE, last[0].line, "HEALTHCHECK waits for 30 s: --timeout is missing", FIX)
