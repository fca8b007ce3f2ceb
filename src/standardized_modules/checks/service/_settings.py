"""The settings that the code reads, by its syntax tree: nothing of the service is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from standardized_modules.checks.kubernetes._manifests import containers, pods, spec_of
from standardized_modules.checks.kubernetes._manifests import settings as literals
from standardized_modules.checks.tree import Overlay, Tree

SETTINGS = "src/*/settings.py"


class Setting(NamedTuple):
    """One field of a settings class."""

    variable: str
    field: str
    default: Any
    required: bool
    path: str
    line: int


def settings(tree: Tree) -> list[Setting]:
    """Fields of every pydantic-settings class; none of a file that does not parse."""
    found: list[Setting] = []
    for path in tree.glob(SETTINGS):
        if path.count("/") != 2:
            continue
        try:
            module = ast.parse(tree[path])
        except SyntaxError:
            continue
        constants = {
            target.id: node.value.value
            for node in module.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in module.body:
            if isinstance(node, ast.ClassDef) and any(_name(base) == "BaseSettings" for base in node.bases):
                found += _fields(node, constants, path)
    return found


def _fields(node: ast.ClassDef, constants: Mapping[str, Any], path: str) -> Iterator[Setting]:
    prefix = ""
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
            value = _keyword(item.value, "env_prefix")
            prefix = constants.get(value.id, "") if isinstance(value, ast.Name) else _constant(value, prefix)
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        variable, default, required = prefix + item.target.id.upper(), item.value, item.value is None
        if isinstance(item.value, ast.Call):
            variable = _constant(_keyword(item.value, "validation_alias"), variable)
            default = _keyword(item.value, "default") or (item.value.args[0] if item.value.args else None)
            required = default is None and _keyword(item.value, "default_factory") is None
        yield Setting(variable, item.target.id, _constant(default, None), required, path, item.lineno)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _constant(node: ast.expr | None, otherwise: Any) -> Any:
    return node.value if isinstance(node, ast.Constant) else otherwise


def given(overlay: Overlay) -> dict[str, set[str]]:
    """Workload → names of the variables that its manifests give it, from ConfigMaps, Secrets and literals."""
    return {
        str(workload["metadata"]["name"]): {
            *literals(overlay, pod),
            *(entry["name"] for container in containers(pod) for entry in container.get("env") or ()),
            *_secrets(overlay, pod),
        }
        for workload, pod, _ in pods(overlay)
    }


def _secrets(overlay: Overlay, pod: Mapping[str, Any]) -> Iterator[str]:
    for container in containers(pod):
        for source in container.get("envFrom") or ():
            name = (source.get("secretRef") or {}).get("name")
            for secret in overlay.of("Secret"):
                if secret["metadata"]["name"] == name:
                    yield from {**(secret.get("data") or {}), **(secret.get("stringData") or {})}
            for external in overlay.of("ExternalSecret"):
                if (spec_of(external).get("target") or {}).get("name", external["metadata"]["name"]) == name:
                    yield from (item["secretKey"] for item in spec_of(external).get("data") or ())


SAMPLE = """\
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "APP_"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX)

    environment: str = Field(description="Name of the deployment.")
    port: int = 8080
"""
"""A settings module; for BAD and GOOD."""
