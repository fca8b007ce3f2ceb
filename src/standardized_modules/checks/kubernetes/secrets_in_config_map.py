"""No credentials in ConfigMaps or literal variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, containers, findings, label, pods, sample
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.tree import KUBERNETES, OVERLAYS, Overlay

ID = "SM216"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A secret is in plain sight"
WHY = (
    "A ConfigMap is neither encrypted at rest nor guarded by the access rules of Secrets, and what it holds "
    "stands in the repository for good."
)
SOURCE = "https://kubernetes.io/docs/concepts/configuration/configmap/"
FIX = "keep the value in the cloud's secret store and reference it; change it, for it has been published"
BAD = sample("{apiVersion: v1, kind: ConfigMap, metadata: {name: orders}, data: {DATABASE_PASSWORD: hunter2}}\n")
GOOD = sample("{apiVersion: v1, kind: ConfigMap, metadata: {name: orders}, data: {DATABASE_HOST: db.internal}}\n")
NAMES = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)$", re.IGNORECASE
)
VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|://[^/\s:@]+:[^/\s:@]+@"
    r"|\b(SharedAccessKey|AccountKey)=[A-Za-z0-9+/]{20}"
)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for names that promise a secret and for values that look like one."""
    seen = set()
    for overlay in tree.overlays:
        for config in overlay.of("ConfigMap"):
            for key, value in (config.get("data") or {}).items():
                if _is_secret(key, value):
                    path, line = _written(tree, overlay, key) or tree.locate(overlay, config)
                    found = Finding(ID, path, line, f"{label(config)}: {key} looks like a secret", FIX)
                    if found not in seen:
                        seen.add(found)
                        yield found
    yield from findings(tree, ID, FIX, _inspect)


def _written(tree: Tree, overlay: Overlay, key: str) -> tuple[str, int | None] | None:
    """The file of settings that a generator takes a key from: the overlay's before the base's."""
    for folder in (f"{OVERLAYS}{overlay.name}/", f"{KUBERNETES}base/"):
        for path in tree.glob(f"{folder}*.env"):
            found = re.search(rf"^{re.escape(key)}=", tree[path], re.MULTILINE)
            if found:
                return path, line_of(tree[path], found[0])
    return None


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for workload, pod, _ in pods(overlay):
        for container in containers(pod):
            for variable in container.get("env") or ():
                if _is_secret(variable.get("name", ""), str(variable.get("value", ""))):
                    yield workload, f"variable {variable.get('name')} looks like a secret"
    for secret in overlay.of("Secret"):
        if secret.get("data") or secret.get("stringData"):
            yield secret, "a Secret with its values is in the repository"


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and bool(NAMES.search(name) or VALUES.search(value))
