"""What the Kubernetes checks share: walking overlays, pods and selectors; samples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.tree import OVERLAYS, Manifest, Overlay

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
_HASH = re.compile(r"-[bcdfghkmt2456789]{10}$")
"""https://github.com/kubernetes-sigs/kustomize/blob/master/api/hasher/hasher.go"""
Problem = tuple[Manifest, str]
"""The object that is wrong, and what is wrong with it."""


def findings(tree: Tree, check_id: str, fix: str, inspect: Callable[[Overlay], Iterator[Problem]]) -> Iterator[Finding]:
    """Findings of one check, once each: a fault of the base shows in every overlay."""
    seen = set()
    for overlay in tree.overlays:
        for manifest, message in inspect(overlay):
            path, line = tree.locate(overlay, manifest)
            finding = Finding(check_id, path, line, f"{label(manifest)}: {message}", fix)
            if finding not in seen:
                seen.add(finding)
                yield finding


def label(manifest: Manifest) -> str:
    """`Deployment/orders`; of a generated object without the hash of its content, which every edit changes."""
    return f"{manifest.get('kind')}/{without_hash(name_of(manifest))}"


def without_hash(name: str) -> str:
    """The name that was written, without what kustomize appends to it."""
    return _HASH.sub("", name)


def name_of(manifest: Manifest) -> str:
    """The object's name."""
    return str(manifest.get("metadata", {}).get("name", ""))


CLIENT_ID = "azure.workload.identity/client-id"
"""Annotation of a ServiceAccount whose pods act as an identity of Entra ID."""


def annotations_of(manifest: Manifest) -> dict[str, str]:
    """Its annotations; none when it has none."""
    return manifest["metadata"].get("annotations") or {}


def spec_of(manifest: Manifest) -> dict[str, Any]:
    """The object's spec, empty when it has none."""
    return manifest.get("spec") or {}


def duration(text: object) -> float | None:
    """Seconds of a duration as Gateway API writes it (5s, 1m30s, 500ms); None when it is none."""
    parts = _DURATION.findall(text) if isinstance(text, str) else []
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DURATION = re.compile(r"([0-9]{1,5})(h|ms|m|s)")


def pods(overlay: Overlay) -> Iterator[tuple[Manifest, dict[str, Any], dict[str, str]]]:
    """Each workload with the spec and the labels of its pods."""
    for workload in overlay.of(*WORKLOADS, "CronJob"):
        spec = spec_of(workload)
        if workload["kind"] == "CronJob":
            spec = spec.get("jobTemplate", {}).get("spec", {})
        template = spec.get("template", {})
        yield workload, template.get("spec") or {}, template.get("metadata", {}).get("labels") or {}


def containers(pod: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Init containers and containers of a pod."""
    yield from pod.get("initContainers") or ()
    yield from pod.get("containers") or ()


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector (matchLabels and matchExpressions) matches labels."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression_holds(e, labels) for e in selector.get("matchExpressions") or ())


def _expression_holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present, values = labels.get(expression["key"]), expression.get("values") or ()
    return {
        "In": present in values,
        "NotIn": present not in values,
        "Exists": present is not None,
        "DoesNotExist": present is None,
    }.get(expression["operator"], False)


def settings(overlay: Overlay, pod: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a pod's containers, as far as ConfigMaps and literals give it."""
    values: dict[str, str] = {}
    for container in containers(pod):
        for source in container.get("envFrom") or ():
            config = overlay.find("ConfigMap", source.get("configMapRef", {}).get("name", ""))
            values.update((config or {}).get("data") or {})
        values.update({e["name"]: str(e["value"]) for e in container.get("env") or () if "value" in e})
    return values


def sample(manifest: str, **files: str) -> dict[str, str]:
    """A tree with one overlay that holds this manifest; for BAD and GOOD."""
    folder = f"{OVERLAYS}prod/"
    return {
        f"{folder}kustomization.yaml": "resources: [manifests.yaml]\n",
        f"{folder}manifests.yaml": manifest,
        **files,
    }


def deployment(container: str = "", pod: str = "", spec: str = "", kinds: str = "") -> dict[str, str]:
    """A sample with a small Deployment. Each argument is YAML in flow style, placed at its level."""
    extra = "".join(f"{text}, " for text in (spec,) if text)
    return sample(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: orders}, spec: {"
        f"{extra}selector: {{matchLabels: {{app: orders}}}}, "
        f"template: {{metadata: {{labels: {{app: orders}}}}, spec: {{{pod + ', ' if pod else ''}"
        f"containers: [{{name: api, image: 'orders@sha256:{'0' * 64}'"
        f"{', ' + container if container else ''}}}]}}}}}}}}\n" + (f"---\n{kinds}" if kinds else "")
    )
