"""Every mount has its volume, every volume its mount."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, deployment, findings, pods
from standardized_modules.checks.tree import Overlay

ID = "SM213"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "Volumes and mounts do not match"
WHY = (
    "A mount without a volume is refused by the API server, not by the schema. A volume without a mount is "
    "a mount that somebody forgot: with a read-only root file system the first write to /tmp then fails."
)
SOURCE = "https://kubernetes.io/docs/concepts/storage/volumes/"
FIX = "give mount and volume the same name; with readOnlyRootFilesystem mount an emptyDir at /tmp"
BAD = deployment("volumeMounts: [{name: temp, mountPath: /tmp}]", pod="volumes: [{name: tmp, emptyDir: {}}]")
GOOD = deployment("volumeMounts: [{name: tmp, mountPath: /tmp}]", pod="volumes: [{name: tmp, emptyDir: {}}]")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every workload."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        volumes = [volume.get("name") for volume in pod.get("volumes") or ()]
        mounts = [mount for container in containers(pod) for mount in container.get("volumeMounts") or ()]
        mounted = {mount.get("name") for mount in mounts}
        for name in sorted(str(n) for n in mounted - set(volumes)):
            yield workload, f"mounts {name!r}, which is not a volume"
        for name in sorted(str(n) for n in set(volumes) - mounted):
            yield workload, f"volume {name!r} is mounted nowhere"
        for container in containers(pod):
            paths = [mount.get("mountPath") for mount in container.get("volumeMounts") or ()]
            if len(paths) != len(set(paths)):
                yield workload, f"container {container.get('name')!r} mounts two volumes at one path"
            if (container.get("securityContext") or {}).get("readOnlyRootFilesystem") and "/tmp" not in paths:  # noqa: S108
                yield workload, f"container {container.get('name')!r} has a read-only root and nothing writable at /tmp"
