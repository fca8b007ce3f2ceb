"""Code, image, compose and manifests mean the same ports."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, ports, sample, stages
from standardized_modules.checks.service._settings import SAMPLE, settings

ID = "SM511"
SEVERITY = "error"
TITLE = "A port of the code, of compose or of the health check is not the image's"
WHY = (
    "SM107 and SM210 tie the image's ports to those of pod, Service, probes and settings. The default in the code, "
    "the health check's fallback and compose are what runs on every developer's machine: one that differs is a "
    "service that starts and can't be reached."
)
SOURCE = "https://docs.docker.com/reference/compose-file/services/#ports"
FIX = "use the ports of EXPOSE: as defaults in settings.py, in HEALTHCHECK and as targets in compose.yaml"
READS = ("Dockerfile", "compose.yaml", "src/*/settings.py")
BAD = {**sample("EXPOSE 8000\n"), "src/orders/settings.py": SAMPLE}
GOOD = {**sample("EXPOSE 8080\n"), "src/orders/settings.py": SAMPLE}
_PORT = re.compile(r"(?<![\d.])(\d{4,5})(?!\d)")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for defaults in the code, for the health check and for compose."""
    exposed = set(ports(tree))
    if not stages(tree):
        return
    fields = settings(tree)
    hosts = {each.field.removesuffix("host") for each in fields if each.field.endswith("_host")}
    for each in fields:
        if each.field.removesuffix("port") in hosts:
            continue  # the port of another server, which this one connects to
        if each.field.endswith("port") and isinstance(each.default, int) and each.default not in exposed:
            yield Finding(
                ID, each.path, each.line, f"{each.field} is {each.default}, the image has {sorted(exposed)}", FIX
            )
    for probe in stages(tree)[-1].of("HEALTHCHECK"):
        asked = {int(port) for port in _PORT.findall(probe.value)}
        if asked and not asked & exposed:
            yield Finding(ID, DOCKERFILE, probe.line, f"HEALTHCHECK asks {sorted(asked)}, not {sorted(exposed)}", FIX)
    yield from _compose(tree, exposed)


def _compose(tree: Tree, exposed: set[int]) -> Iterator[Finding]:
    path = "compose.yaml"
    try:
        content = yaml.safe_load(tree.get(path, ""))
    except yaml.YAMLError:
        return  # SM405 says so
    services = content.get("services") if isinstance(content, dict) else None
    for name, service in services.items() if isinstance(services, dict) else ():
        ports_of = service.get("ports") if isinstance(service, dict) and "build" in service else None
        for port in ports_of if isinstance(ports_of, list) else ():
            written = port.get("target") if isinstance(port, dict) else port
            target = str(written).rpartition(":")[2].partition("/")[0]
            if target.isdigit() and int(target) not in exposed:
                yield Finding(ID, path, None, f"{name} publishes {target}, the image has {sorted(exposed)}", FIX)
