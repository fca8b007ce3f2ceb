"""The service is process 1 of its container, so that it hears SIGTERM."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample, stages

ID = "SM108"
SEVERITY = "error"
TITLE = "A shell stands between the container and the service"
WHY = (
    "ENTRYPOINT and CMD as text run under `/bin/sh -c`, which does not hand SIGTERM on: the service never drains, "
    "and every rollout ends with SIGKILL and cut requests after the whole grace period."
)
SOURCE = "https://docs.docker.com/reference/build-checks/json-args-recommended/"
FIX = 'write the command as a JSON list: ENTRYPOINT ["python", "-m", "orders"]'
READS = ("Dockerfile",)
BAD = sample("ENTRYPOINT python -m orders\n")
GOOD = sample('ENTRYPOINT ["python", "-m", "orders"]\n')


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for a command as text, or for none."""
    for stage in stages(tree)[-1:]:
        commands = [*stage.of("ENTRYPOINT"), *stage.of("CMD")]
        if not commands:
            yield Finding(ID, DOCKERFILE, stage.line, "the last stage has neither ENTRYPOINT nor CMD", FIX)
        for each in commands:
            if not each.value.startswith("["):
                yield Finding(ID, DOCKERFILE, each.line, f"{each.name} {each.value} runs under a shell", FIX)
