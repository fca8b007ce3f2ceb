"""Takes a `ResolvedService` and the library's folder. Returns a `FileTree`, in memory.

The same input gives the same bytes: no clock, no randomness, sorted paths. Never writes.

Sources, in this order: `library/base`, `clouds/<cloud>/base`, then for each capability
`library/capabilities/<name>` and `clouds/<cloud>/capabilities/<name>`; in each of them
`managed/` and `starter/` hold files at their output path, `parts/` contributions to a shared
file, and `with/<capability>/` the same three for when that capability is present too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from msgspec import Struct

from standardized_modules.errors import TemplateError
from standardized_modules.model.resolved import ResolvedEnvironment, ResolvedService
from standardized_modules.model.tree import FileTree, Ownership, RenderedFile

TEMPLATE_SUFFIX = ".j2"
OWNERSHIPS: tuple[Ownership, ...] = ("managed", "starter")
KUBERNETES_BASE = "deploy/kubernetes/base/"


class Source(Struct, frozen=True):
    """One file of the library that makes one output file."""

    path: str
    template: str
    ownership: Ownership
    executable: bool
    environment: ResolvedEnvironment | None = None

    @property
    def is_template(self) -> bool:
        """Whether it is rendered, rather than copied byte by byte."""
        return self.template.endswith(TEMPLATE_SUFFIX)


class Renderer:
    """Templates of one library, compiled once for any number of services.

    Args:
        root: The package's folder.
        bytecode: Folder for compiled templates; None compiles in every process.
    """

    def __init__(self, root: Path, bytecode: Path | None = None) -> None:
        self._root = root
        self._listings: dict[str, tuple[tuple[str, bool], ...]] = {}
        self._environment = _RelativeIncludes(
            loader=jinja2.FileSystemLoader(root),
            undefined=jinja2.StrictUndefined,
            block_start_string="<%",
            block_end_string="%>",
            variable_start_string="<{",
            variable_end_string="}>",
            comment_start_string="<#",
            comment_end_string="#>",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_CompiledTemplates(str(bytecode)) if bytecode else None,
        )

    def render(self, service: ResolvedService) -> FileTree:
        """Every file of the service, sorted by path.

        Raises:
            TemplateError: when a template fails, or two sources make one path.
        """
        folders = [each for each in _folders(service) if (self._root / each).is_dir()]
        sources = self._sources(folders, service)
        context = _context(service, sorted(sources), self._parts(folders))
        files = {path: self._file(sources[path], context) for path in sorted(sources)}
        return FileTree(files)

    def _sources(self, folders: list[str], service: ResolvedService) -> dict[str, Source]:
        found: dict[str, Source] = {}
        for folder in folders:
            for ownership in OWNERSHIPS:
                for relative, executable in self._list(f"{folder}/{ownership}"):
                    template = f"{folder}/{ownership}/{relative}"
                    for source in _expand(relative, template, ownership, executable, service):
                        if source.path in found:
                            raise TemplateError(
                                f"both {found[source.path].template!r} and {template!r} make {source.path!r}",
                                hint="rename one, or turn one into a part of the other",
                            )
                        found[source.path] = source
        return found

    def _parts(self, folders: list[str]) -> dict[str, list[str]]:
        parts = _Parts()
        for folder in folders:
            for relative, _ in self._list(f"{folder}/parts"):
                slot = relative.removesuffix(TEMPLATE_SUFFIX)
                parts.setdefault(slot, []).append(f"{folder}/parts/{relative}")
        return parts

    def _list(self, folder: str) -> tuple[tuple[str, bool], ...]:
        if folder not in self._listings:
            self._listings[folder] = tuple(sorted(_walk(self._root / folder, "")))
        return self._listings[folder]

    def _file(self, source: Source, context: dict[str, Any]) -> RenderedFile:
        if source.is_template:
            content = self._render_text(source, context).encode()
        else:
            content = (self._root / source.template).read_bytes()
        return RenderedFile(content, source.executable, source.ownership, source.template)

    def _render_text(self, source: Source, context: dict[str, Any]) -> str:
        scope = context
        if source.environment is not None:
            scope = context | _scope(source.environment) | {"environment": source.environment}
        try:
            return self._environment.get_template(source.template).render(scope)
        except jinja2.TemplateError as problem:
            line = getattr(problem, "lineno", None) or _line_in_template(problem)
            raise TemplateError(
                f"{type(problem).__name__}: {problem.message or problem}",
                hint="this is a fault of the library, not of your spec; please report it",
                where=f"{source.template}:{line}" if line else source.template,
            ) from problem


class _RelativeIncludes(jinja2.Environment):
    """Includes that begin with './' are relative to the template that includes."""

    def join_path(self, template: str, parent: str) -> str:
        if template.startswith("./"):
            return f"{parent.rpartition('/')[0]}/{template[2:]}"
        return template


class _CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """A cache on disk that a full disk or another process can't turn into a failure."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


class _Parts(dict[str, list[str]]):
    """Contributions by slot; a slot without any is empty."""

    def __missing__(self, slot: str) -> list[str]:
        return []


def _folders(service: ResolvedService) -> Iterator[str]:
    cloud = service.spec.cloud
    present = service.composition.capability_names
    owners = ["library/base", f"clouds/{cloud}/base"]
    for name in present:
        owners += [f"library/capabilities/{name}", f"clouds/{cloud}/capabilities/{name}"]
    for owner in owners:
        yield owner
        for name in present:
            yield f"{owner}/with/{name}"


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        elif not _is_partial(entry.name):
            yield f"{prefix}{entry.name}", bool(entry.stat().st_mode & 0o100)


def _is_partial(name: str) -> bool:
    """`_name.j2` is included by a neighbour; `__init__.py` is a file like any other."""
    return name.startswith("_") and not name.startswith("__") and name.endswith(TEMPLATE_SUFFIX)


def _expand(
    relative: str, template: str, ownership: Ownership, executable: bool, service: ResolvedService
) -> Iterator[Source]:
    path = relative.removesuffix(TEMPLATE_SUFFIX).replace("__package__", service.spec.package)
    if "__environment__" not in path:
        yield Source(path, template, ownership, executable)
        return
    for environment in service.environments:
        own = path.replace("__environment__", environment.name)
        yield Source(own, template, ownership, executable, environment)


def _context(service: ResolvedService, paths: list[str], parts: dict[str, list[str]]) -> dict[str, Any]:
    spec, versions = service.spec, service.versions
    present = service.composition.capability_names
    return {
        "service": spec,
        "cloud": service.composition.cloud,
        "region": spec.region,
        "has": {name: name in present for name in service.known_capabilities},
        "patterns": service.composition.patterns,
        "chosen": {
            "common": _nested(spec.values),
            "environments": {name: _nested(values) for name, values in spec.environment_values.items() if values},
        },
        "capabilities": service.composition.capabilities,
        "environments": [_scope(each) | _identity(each) for each in service.environments],
        "versions": versions.versions,
        "actions": {name: f"{name}@{pin.split()[0]} # {pin.split()[1]}" for name, pin in versions.actions.items()},
        "python": service.python,
        "files": paths,
        "kubernetes_resources": _kubernetes_resources(paths),
        "parts": parts,
        **_scope(service.common),
    }


def _kubernetes_resources(paths: list[str]) -> list[str]:
    return [
        name
        for path in paths
        if path.startswith(KUBERNETES_BASE)
        and "/" not in (name := path.removeprefix(KUBERNETES_BASE))
        and name.endswith(".yaml")
        and name != "kustomization.yaml"
    ]


def _identity(environment: ResolvedEnvironment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "title": environment.title,
        "namespace": environment.namespace,
        "host": environment.host,
    }


def _scope(environment: ResolvedEnvironment) -> dict[str, Any]:
    return {"p": _nested(environment.parameters), "d": _nested(environment.derived)}


def _nested(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        group, _, name = path.partition(".")
        nested.setdefault(group, {})[name] = value
    return nested


def _line_in_template(problem: BaseException) -> int | None:
    """The line of the template, from the traceback that Jinja2 rewrites."""
    trace, line = problem.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_name in ("top-level template code", "template"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
