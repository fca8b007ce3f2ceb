"""Gateways and routes refer to objects, listeners and ports that exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings, name_of, sample, spec_of
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM205"
SEVERITY = "error"
READS = ("deploy/kubernetes/*",)
TITLE = "A route leads nowhere"
WHY = (
    "kustomize does not rewrite or check the references of Gateway API objects. A backend that does "
    "not exist answers 500, a listener that does not exist attaches the route to nothing."
)
SOURCE = "https://gateway-api.sigs.k8s.io/reference/spec/"
FIX = "name an object, a listener (sectionName) and a port of the Service that exist in the overlay"
_ROUTE = """\
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: orders},
 spec: {gatewayClassName: aws-alb, listeners: [{name: https, port: 443, protocol: HTTPS}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: orders}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: orders},
 spec: {parentRefs: [{name: orders, sectionName: https}], rules: [{backendRefs: [{name: orders, port: PORT}]}]}}
"""
BAD = sample(_ROUTE.replace("PORT", "8080"))
GOOD = sample(_ROUTE.replace("PORT", "80"))


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for gateways and routes."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(overlay: Overlay) -> Iterator[Problem]:
    for gateway in overlay.of("Gateway"):
        parameters = spec_of(gateway).get("infrastructure", {}).get("parametersRef")
        if parameters and not overlay.find(parameters.get("kind"), parameters.get("name")):
            yield gateway, f"parametersRef: there is no {parameters.get('kind')}/{parameters.get('name')}"
    for route in overlay.of("HTTPRoute"):
        for parent in spec_of(route).get("parentRefs") or ():
            for message in _parent(overlay, parent):
                yield route, message
        for rule in spec_of(route).get("rules") or ():
            if not rule.get("backendRefs") and not rule.get("filters"):
                yield route, "a rule has neither a backend nor a filter: it answers 500"
            for reference in (f.get("extensionRef") for f in rule.get("filters") or ()):
                if reference and not overlay.find(reference.get("kind"), reference.get("name")):
                    yield route, f"extensionRef: there is no {reference.get('kind')}/{reference.get('name')}"
            for backend in rule.get("backendRefs") or ():
                for message in _backend(overlay, backend):
                    yield route, message
    yield from _unattached(overlay)


def _parent(overlay: Overlay, parent: dict[str, Any]) -> Iterator[str]:
    gateway = overlay.find("Gateway", parent.get("name", ""))
    if gateway is None:
        yield f"parentRefs: there is no Gateway/{parent.get('name')}"
        return
    listeners = [listener.get("name") for listener in spec_of(gateway).get("listeners") or ()]
    if parent.get("sectionName") and parent["sectionName"] not in listeners:
        yield f"parentRefs: Gateway/{parent['name']} has no listener {parent['sectionName']!r}"


def _backend(overlay: Overlay, backend: dict[str, Any]) -> Iterator[str]:
    service = overlay.find("Service", backend.get("name", ""))
    if service is None:
        yield f"backendRefs: there is no Service/{backend.get('name')}"
    elif backend.get("port") not in [port.get("port") for port in spec_of(service).get("ports") or ()]:
        yield f"backendRefs: Service/{backend['name']} has no port {backend.get('port')}"


def _unattached(overlay: Overlay) -> Iterator[Problem]:
    for gateway in overlay.of("Gateway"):
        for listener in spec_of(gateway).get("listeners") or ():
            if not any(_attaches(route, gateway, listener["name"]) for route in overlay.of("HTTPRoute")):
                yield gateway, f"no route is attached to the listener {listener['name']!r}"


def _attaches(route: Manifest, gateway: Manifest, listener: str) -> bool:
    return any(
        parent.get("name") == name_of(gateway) and parent.get("sectionName", listener) == listener
        for parent in spec_of(route).get("parentRefs") or ()
    )
